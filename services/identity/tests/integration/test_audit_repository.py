"""What the ports of the audit trail promise: one suite for the fake and for PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

import pytest
from identity_fakes_audit import RecordingTrail
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.ports import PageRequest, UnitOfWork
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_chassis.testing.list_contract import ListContract, ListRig
from promenade_chassis.testing.plans import unsorted_by_index
from promenade_identity.audit.entity import SUCCESS, Action, Details, Entry, Origin, concerns, receive
from promenade_identity.audit.postgres import LIST, PostgresTrail
from promenade_identity.audit.repository import TRAIL, EntryFilter
from promenade_kernel.values.ids import new_id
from psycopg.errors import InsufficientPrivilege

MOMENT = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)


class Caller:
    """A request in hand."""

    promised = 204

    def __init__(self) -> None:
        self.subject: str | None = None
        self.details: Details = {}
        self.origin = Origin(session_id=uuid4(), ip="2001:db8::7", device="Tea 1.0", request_id="request-1")


@dataclass
class Store:
    """A unit of work with the trail, and the steps of these tests."""

    unit_of_work: UnitOfWork
    trail: RecordingTrail | PostgresTrail

    async def add(self, **more: Any) -> Entry:
        entry = replace(Entry(action=Action.LOGIN, actor=None, subject=None), id=new_id(), **more)
        async with self.unit_of_work.begin():
            await self.trail.add(entry)
        return entry

    async def found(self, **wanted: Any) -> list[Entry]:
        page = await self.trail.list(EntryFilter(**wanted), PageRequest(limit=100, sort="id"))
        return list(page.items)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    """The trail in a list, and in a database."""
    if request.param == "memory":
        unit_of_work = InMemoryUnitOfWork()
        return Store(unit_of_work, RecordingTrail(unit_of_work))
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresTrail(database))


async def test_a_success_is_kept_with_its_request(store: Store) -> None:
    """Who, what, whom and details as told; status, session, address, device and request id as the request says."""
    actor, subject, caller = uuid4(), uuid4(), Caller()
    details: Details = {"word": "é\u202e", "number": 1, "flag": True, "nothing": None, "roles": ["a", "b"]}

    with receive(caller):
        concerns(uuid4(), note="of a refusal")
        async with store.unit_of_work.begin():
            await store.trail.record(Action.CHANGE_ROLES, actor=actor, subject=subject, details=details)

    (entry,) = await store.found()
    assert entry == Entry(
        id=entry.id,
        at=entry.at,
        action="user.change-roles",
        outcome=SUCCESS,
        status=204,
        actor=actor,
        subject=str(subject),
        origin=caller.origin,
        details=details,
    )


async def test_without_a_request_there_is_nothing_of_one(store: Store) -> None:
    """From the command line or by a job, to a role as well as to a user."""
    async with store.unit_of_work.begin():
        await store.trail.record(Action.CREATE_ROLE, actor=None, subject="tea-master")

    (entry,) = await store.found()
    assert (entry.status, entry.origin, entry.details) == (None, Origin(), {})
    assert (entry.actor, entry.subject) == (None, "tea-master")


async def test_what_is_rolled_back_was_not_done(store: Store) -> None:
    """A savepoint or the whole."""

    async def undo() -> None:
        async with store.unit_of_work.begin():
            await store.trail.record(Action.LOGOUT, actor=None, subject="undone")
            raise RuntimeError

    async with store.unit_of_work.begin():
        await store.trail.record(Action.LOGOUT, actor=None, subject="kept")
        with pytest.raises(RuntimeError):
            await undo()
    with pytest.raises(RuntimeError):
        await undo()

    assert [entry.subject for entry in await store.found()] == ["kept"]


async def test_nothing_is_taken_down_outside_a_unit_of_work(store: Store) -> None:
    """It would not stand or fall with anything."""
    with pytest.raises(TransactionMisuse):
        await store.trail.record(Action.LOGOUT, actor=None, subject=None)
    with pytest.raises(TransactionMisuse):
        await store.trail.add(Entry(action=Action.LOGOUT, actor=None, subject=None))


async def test_an_action_of_another_release_is_readable(store: Store) -> None:
    """During a roll-out the older replicas show what the newer ones take down."""
    entry = await store.add(action="tea.brew")

    assert await store.found() == [entry]


async def test_each_filter_narrows(store: Store) -> None:
    """Alone and together; times are half-open."""
    actor = uuid4()
    entries = [
        await store.add(at=MOMENT + timedelta(microseconds=number), **more)
        for number, more in enumerate(
            [
                {"actor": actor, "subject": "a"},
                {"actor": actor, "subject": "b", "action": Action.LOGOUT},
                {"actor": uuid4(), "subject": "a", "outcome": "invalid"},
                {},
            ]
        )
    ]
    first, second, third, fourth = entries

    assert await store.found(actor=actor) == [first, second]
    assert await store.found(subject="a") == [first, third]
    assert await store.found(action=Action.LOGOUT) == [second]
    assert await store.found(outcome="invalid") == [third]
    assert await store.found(from_=second.at) == [second, third, fourth]
    assert await store.found(to=second.at) == [first]
    assert await store.found(from_=second.at, to=fourth.at) == [second, third]
    assert await store.found(actor=actor, subject="a", outcome=SUCCESS) == [first]
    assert await store.found(actor=actor, outcome="invalid") == []


class TestTrail(ListContract):
    """GET /audit"""

    @pytest.fixture
    def list_rig(self, store: Store) -> ListRig:
        async def add_one(number: int) -> UUID:
            return (await store.add(at=MOMENT + timedelta(microseconds=number // 4))).id

        return ListRig(TRAIL, lambda page: store.trail.list(EntryFilter(), page), add_one)


@pytest.mark.parametrize(
    "wanted",
    [
        EntryFilter(),
        EntryFilter(actor=UUID(int=1)),
        EntryFilter(subject="a"),
        EntryFilter(action=Action.LOGIN),
        EntryFilter(outcome="invalid"),
        EntryFilter(from_=MOMENT, to=MOMENT),
    ],
    ids=["all", "actor", "subject", "action", "outcome", "time"],
)
def test_an_index_has_every_page_ready(database_url: str, wanted: EntryFilter) -> None:
    """However long the trail is: a page is never sorted when it is asked for, whatever it is narrowed by."""
    assert unsorted_by_index(database_url, LIST, wanted, {"at": MOMENT}) == set()


async def test_every_filter_has_its_index(database: Database) -> None:
    """One range of it is one page of what is asked for, newest first, however rare that is in the trail."""
    async with database.reading_connection() as connection:
        rows = await connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'audit_entry'")
        found = {row["indexdef"].rpartition("(")[2] for row in await rows.fetchall()}

    narrowed = [name for name in TRAIL.filter_names if name not in ("from_", "to")]
    assert found >= {"at, id)", *(f"{name}, at, id)" for name in narrowed)}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entry SET outcome = 'success'",
        "UPDATE audit_entry SET actor = NULL WHERE false",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "TRUNCATE audit_entry CASCADE",
        "INSERT INTO audit_entry SELECT * FROM audit_entry ON CONFLICT (id) DO UPDATE SET actor = NULL",
        "MERGE INTO audit_entry old USING audit_entry new ON old.id = new.id WHEN MATCHED THEN DELETE",
    ],
    ids=["update", "update-none", "delete", "truncate", "truncate-cascade", "upsert", "merge"],
)
async def test_nothing_is_changed_or_removed(database: Database, change: LiteralString) -> None:
    """The table refuses it."""
    store = Store(database, PostgresTrail(database))
    entry = await store.add(outcome="invalid")

    async with database.reading_connection() as connection:
        with pytest.raises(InsufficientPrivilege, match="append-only"):
            await connection.execute(change)

    assert await store.found() == [entry]


async def test_switching_triggers_off_does_not_help(database: Database) -> None:
    """In a session that does so (session_replication_role, for superusers alone) this one still speaks: "A", always."""
    async with database.reading_connection() as connection:
        rows = await connection.execute("SELECT tgenabled FROM pg_trigger WHERE tgname = 'audit_entry_stays'")
        assert await rows.fetchall() == [{"tgenabled": "A"}]


async def test_the_operators_way_to_drop_old_entries(database: Database) -> None:
    """As the README says, in one transaction: afterwards the table refuses as before."""
    store = Store(database, PostgresTrail(database))
    await store.add(at=MOMENT)
    kept = await store.add(at=MOMENT + timedelta(days=1))

    async with database.begin():
        connection = database.writing_connection()
        await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_stays")
        await connection.execute("DELETE FROM audit_entry WHERE at < %s", [MOMENT + timedelta(days=1)])
        await connection.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_stays")

    async with database.reading_connection() as connection:
        with pytest.raises(InsufficientPrivilege):
            await connection.execute("DELETE FROM audit_entry")
    assert await store.found() == [kept]
