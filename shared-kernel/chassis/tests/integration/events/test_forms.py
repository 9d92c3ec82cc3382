"""One fact in two forms, from the aggregate that records it to the reaction that acts on it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from promenade_chassis import outbox
from promenade_chassis.database import Database
from promenade_chassis.events.bus import Delivered
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.ports import Aggregate
from promenade_chassis.repository import BaseRepository
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping
from promenade_chassis.testing.events import record, sealed
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.relay_rig import NewOutlet
from promenade_kernel.events import registry
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserReinstated, UserSuspended
from promenade_kernel.events.registry import Event, event
from promenade_kernel.values.ids import new_id
from psycopg.errors import UniqueViolation


class UserSuspendedV2(Event, frozen=True, kw_only=True):
    """A user may do nothing, and here is why."""

    user_id: UUID
    reason: str


@dataclass(kw_only=True)
class Account(Aggregate):
    def suspend(self, reason: str) -> None:
        self.record(UserSuspendedV2(user_id=self.id, reason=reason), UserSuspended(user_id=self.id))

    def reinstate(self) -> None:
        self.record(UserReinstated(user_id=self.id))


class Accounts(BaseRepository):
    async def add(self, account: Account) -> None:
        await self._insert(
            account, "INSERT INTO account VALUES (%(id)s, %(version)s, %(last_sequence)s, %(created_at)s)"
        )

    async def outbox(self) -> list[dict[str, Any]]:
        return await self._fetch_all("SELECT * FROM outbox ORDER BY seq")


@pytest.fixture(autouse=True)
def second_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """This release's kernel knows `user.suspended.v2`; forgotten after the test."""
    for name in ("_classes", "_wires", "_contexts", "_older"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    event(
        "user.suspended.v2",
        context="identity",
        older=UserSuspended,
        upcast=lambda older: UserSuspendedV2(user_id=older.user_id, reason="unknown"),
    )(UserSuspendedV2)


@pytest.fixture
async def account(database: Database) -> Account:
    """An account suspended and reinstated twice, committed with its events."""
    suspended = Account()
    for reason in ("spam", "again"):
        suspended.suspend(reason)
        suspended.reinstate()
    async with database.begin():
        await database.writing_connection().execute(
            "CREATE TABLE account (id uuid, version int, last_sequence int, created_at timestamptz)"
        )
        await Accounts(database).add(suspended)
    return suspended


async def test_a_fact_in_two_forms_is_counted_once(database: Database, account: Account):
    """Both rows share id, subject and sequence, the newest form first; the aggregate counts facts."""
    rows = await Accounts(database).outbox()

    assert [(row["sequence"], row["type"]) for row in rows] == [
        (1, "user.suspended.v2"),
        (1, "user.suspended.v1"),
        (2, "user.reinstated.v1"),
        (3, "user.suspended.v2"),
        (3, "user.suspended.v1"),
        (4, "user.reinstated.v1"),
    ]
    assert [row["major"] for row in rows] == [2, 1, 1, 2, 1, 1]
    assert len({(row["sequence"], row["event_id"]) for row in rows}) == 4
    assert {row["subject"] for row in rows} == {account.id}
    assert (account.version, account.last_sequence, account.recorded()) == (1, 4, ())


async def test_a_sequence_has_each_form_once(database: Database, account: Account):
    """The database refuses a second fact under the same number, whatever its type."""
    del account
    first = Envelope.decode((await Accounts(database).outbox())[1]["envelope"])

    with pytest.raises(UniqueViolation):
        async with database.begin():
            await outbox.append(database.writing_connection(), [first])


def test_only_forms_of_one_fact_are_recorded_together():
    """An aggregate that mixes two facts is told at once, and remembers neither."""
    account = Account()

    with pytest.raises(ValueError, match="not the forms of one fact"):
        account.record(UserSuspendedV2(user_id=new_id(), reason="spam"), UserReinstated(user_id=new_id()))

    assert account.recorded() == ()


@pytest.mark.parametrize(
    ("subscribed", "told"), [(UserSuspendedV2, ["spam", "again"]), (UserSuspended, [None, None])], ids=["v2", "v1"]
)
async def test_whoever_knows_one_form_acts_once(
    books: PostgresBookkeeping,
    outlets: NewOutlet,
    redis_url: str,
    account: Account,
    subscribed: type[Event],
    told: list[str | None],
):
    """Both forms arrive; who knows the new one acts on all it says, who knows the old one acts as ever, each once."""
    heard: list[str | None] = []

    async def on_user_suspended(fact: Event, envelope: Envelope) -> None:
        heard.append(getattr(fact, "reason", None))
        await books.write(envelope)

    await (await outlets()).publish_all()
    bus = RedisBus(redis_url, CONTEXT, books.ledger, QUICK, replica="one")
    bus.subscribe(subscribed, on_user_suspended)
    await bus.start()

    async def everything_is_passed() -> None:
        async with books.database.reading_connection() as connection:
            cursor = await connection.execute("SELECT sequence FROM subject_progress")
            assert await cursor.fetchall() == [{"sequence": 4}]

    await eventually(everything_is_passed)
    await bus.close(5)
    assert await books.effects() == [(account.id, 1), (account.id, 3)]
    assert heard == told
    assert await books.dead_letters() == []


@pytest.mark.parametrize("batch", [False, True])
async def test_a_fact_of_an_older_release_is_read_as_the_new_form(
    database: Database, books: PostgresBookkeeping, outlets: NewOutlet, redis_url: str, *, batch: bool
):
    """A producer that knows only `.v1`: the reaction to `.v2` gets it upcast, one by one or several at once."""
    heard: list[str] = []
    older = [sealed(UserSuspended(user_id=(user := new_id())), subject=user) for _ in range(3)]
    await record(database, older)
    await (await outlets()).publish_all()

    async def on_user_suspended(fact: UserSuspendedV2, envelope: Envelope) -> None:
        heard.append(fact.reason)
        await books.write(envelope)

    async def on_users_suspended(several: Sequence[Delivered[UserSuspendedV2]]) -> None:
        for each in several:
            await on_user_suspended(each.event, each.envelope)

    async def everything_has_acted() -> None:
        assert len(await books.effects()) == 3

    bus = RedisBus(redis_url, CONTEXT, books.ledger, QUICK, replica="one")
    bus.subscribe(UserSuspendedV2, on_users_suspended if batch else on_user_suspended, batch=batch)
    await bus.start()
    await eventually(everything_has_acted)
    await bus.close(5)

    assert sorted(await books.effects()) == sorted((each.subject, 1) for each in older)
    assert heard == ["unknown"] * 3
    assert await books.dead_letters() == []
