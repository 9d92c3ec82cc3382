"""One delivery of one event to one context's reactions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from promenade_kernel.events.envelope import Envelope

from promenade_chassis.events.book import DatabaseAway
from promenade_chassis.events.bus import Subscriptions
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.outcome import DONE, Outcome
from promenade_chassis.events.retry import pauses

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


AnswerT = TypeVar("AnswerT")


class Settlement:
    """Hands events to a context's ledger; waits, for ever, while its database is away."""

    def __init__(self, ledger: Ledger, subscriptions: Subscriptions) -> None:
        self._ledger = ledger
        self._subscriptions = subscriptions

    async def settle(self, envelope: Envelope, *, adopt: bool = False) -> Outcome:
        """Let the reactions to this event take effect."""
        if self._subscriptions.passes_over(envelope):
            return DONE
        subscriptions = self._subscriptions.of(envelope.type)
        return await self._patiently(lambda: self._ledger.handle(envelope, subscriptions, adopt=adopt))

    async def settle_all(self, envelopes: Sequence[Envelope]) -> Sequence[Outcome] | None:
        """Let the reactions to a batch take effect, of each subject in order; None: all is done."""
        counting = [each for each in envelopes if each.forms is None or not self._subscriptions.passes_over(each)]
        if not counting:
            return None
        outcomes = await self._patiently(lambda: self._ledger.handle_all(counting, self._subscriptions))
        if outcomes is None or len(counting) == len(envelopes):
            return outcomes
        decided = dict(zip(map(id, counting), outcomes, strict=True))
        return [decided.get(id(each), DONE) for each in envelopes]

    async def bury(self, raw: bytes, reason: str) -> Outcome:
        """Dead-letter what is no envelope."""
        return await self._patiently(lambda: self._ledger.bury(raw, reason))

    async def _patiently(self, work: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        for pause in pauses(cap=2.0):
            try:
                return await work()
            except DatabaseAway as away:
                logger.warning("database.away", context=self._subscriptions.context, error=str(away.__cause__)[:200])
            await asyncio.sleep(pause)
        raise AssertionError("pauses never end")
