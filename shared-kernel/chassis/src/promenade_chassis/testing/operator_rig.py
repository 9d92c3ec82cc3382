"""One consumer in the hands of an operator: a real ledger, redelivery, a reaction that breaks and is mended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended
from prometheus_client import CollectorRegistry

from promenade_chassis.database import Connection
from promenade_chassis.events.bus import Subscriptions
from promenade_chassis.events.meters import EventMeters
from promenade_chassis.events.outcome import Done
from promenade_chassis.events.redelivery import Redelivery
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping

REACTION = f"{CONTEXT}.on_user_suspended"
Trouble = Callable[[Envelope], Exception | None]


def healthy(envelope: Envelope) -> None:
    """No trouble."""


class OperatedConsumer:
    """Billing, which reacts to `user.suspended.v1`. `trouble` says what the reaction raises, None when it works."""

    def __init__(self, books: PostgresBookkeeping) -> None:
        self.books = books
        self.trouble: Trouble = healthy
        self.registry = CollectorRegistry()
        self.subscriptions = Subscriptions(CONTEXT)
        self.redelivery = Redelivery(
            books.database, self.subscriptions, QUICK, EventMeters(CONTEXT, self.registry), jitter=lambda: 0.0
        )

        async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
            # Written before it fails: what is left of a failed attempt would show.
            await books.write(envelope)
            error = self.trouble(envelope)
            if error is not None:
                raise error

        self.subscriptions.add(UserSuspended, on_user_suspended)

    async def deliver(self, envelope: Envelope) -> None:
        """As the stream does, until it is settled."""
        while not isinstance(await self._handled(envelope), Done):
            pass

    async def deliver_unreadable(self, raw: bytes) -> None:
        """An entry that is no envelope."""
        await self.books.ledger.bury(raw, "not an envelope")

    async def redeliver(self) -> None:
        """Do what is due, until nothing is."""
        while await self.redelivery.step():
            pass

    async def sequences(self, subject: UUID) -> list[int]:
        """The effects on a subject, in the order they were had."""
        return [sequence for about, sequence in await self.books.effects() if about == subject]

    async def rows(self, statement: Any) -> list[dict[str, Any]]:
        """What a statement answers."""
        async with self.connection() as connection:
            return await (await connection.execute(statement)).fetchall()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection, None]:
        """As an operator's: outside any unit of work."""
        async with self.books.database.reading_connection() as connection:
            yield connection

    async def _handled(self, envelope: Envelope) -> object:
        return await self.books.ledger.handle(envelope, self.subscriptions.of(envelope.type))
