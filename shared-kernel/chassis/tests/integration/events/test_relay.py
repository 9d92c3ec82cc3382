"""The relay on real engines: in order, fenced, one at a time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest
from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Connection, Database
from promenade_chassis.events import outlet_stream
from promenade_chassis.events.outlet_stream import StreamOutlet
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.relay import Relay
from promenade_chassis.events.supervision import cancelled, supervised
from promenade_chassis.testing.bus_rig import history
from promenade_chassis.testing.events import in_turns, record
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.relay_rig import STREAM, NewOutlet, entries, published


async def marks(database: Database) -> list[str | None]:
    """The stream id of each outbox row, by seq."""
    async with database.reading_connection() as connection:
        rows = await (await connection.execute("SELECT stream_id FROM outbox ORDER BY seq")).fetchall()
    return [row["stream_id"] for row in rows]


async def test_rows_are_published_in_order_and_marked(database: Database, link: RedisLink, outlets: NewOutlet):
    """More than one batch; every row knows its entry."""
    histories = [history(20) for _ in range(30)]
    await record(database, in_turns(*histories))
    holder = await outlets()

    await holder.publish_all()

    found = await entries(link)
    assert [envelope for _, envelope in found] == in_turns(*histories)
    assert await marks(database) == [str(entry_id) for entry_id, _ in found]


async def test_what_a_step_leaves_is_said_to_be_left(
    database: Database, link: RedisLink, outlets: NewOutlet, monkeypatch: pytest.MonkeyPatch
):
    """Also where it is less than a page: the relay goes on at once; for what waits already nobody wakes it again."""
    monkeypatch.setattr(outlet_stream, "_PAGE_ROWS", 2)
    monkeypatch.setattr(outlet_stream, "_PAGES", 2)
    await record(database, history(5))
    holder = await outlets()

    answers = [await holder.publish_once(), await holder.publish_once()]

    assert answers == [True, False]
    assert await published(link) == [1, 2, 3, 4, 5]


async def test_a_row_that_commits_late_is_not_passed_over(database: Database, link: RedisLink, outlets: NewOutlet):
    """Numbers are drawn before they are committed: a smaller one may show after a larger one was published."""
    holder, facts = await outlets(), history(1)
    drawn, committed = asyncio.Event(), asyncio.Event()

    async def commit_late() -> None:
        async with database.begin():
            await database.writing_connection().execute("SELECT nextval(pg_get_serial_sequence('outbox', 'seq'))")
            drawn.set()
            await committed.wait()
            await database.writing_connection().execute(
                "INSERT INTO outbox (seq, event_id, subject, sequence, major, type, envelope) OVERRIDING SYSTEM VALUE"
                " VALUES (1, %(id)s, %(id)s, 1, 1, %(type)s, %(envelope)s)",
                {"id": facts[0].id, "type": facts[0].type, "envelope": facts[0].encode()},
            )

    late = asyncio.create_task(commit_late())
    await drawn.wait()
    await record(database, history(3))
    await holder.publish_all()
    committed.set()
    await late
    await holder.publish_all()

    assert await published(link) == [1, 2, 3, 1]


async def test_a_stale_relay_appends_nothing(database: Database, link: RedisLink, outlets: NewOutlet):
    """It woke up after its lock went to another, with rows in its hands that are published already."""
    stale, leader = await outlets(), await outlets()
    await record(database, history(3))
    await leader.publish_all()

    answer = await stale.append(history(3))

    assert answer.ids == ()
    assert await published(link) == [1, 2, 3]
    await stale.publish_all()
    assert await published(link) == [1, 2, 3]


async def test_what_was_appended_and_not_marked_is_not_appended_again(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """A relay died between the two: the next one reads what the stream has and marks it."""
    dying, facts = await outlets(), history(1_200)
    await record(database, facts)
    await dying.append(facts[:700])

    holder = await outlets()
    await holder.publish_all()

    assert await published(link) == list(range(1, 1_201))
    assert None not in await marks(database)


async def test_what_a_relay_of_the_release_before_marked_is_not_published_again(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """It marked the rows alone, in the middle of a rolling upgrade; what it did not come to is published."""
    await record(database, history(3))
    async with database.begin():
        await database.writing_connection().execute("UPDATE outbox SET published_at = now() WHERE sequence = 2")
    holder = await outlets()

    await holder.publish_all()

    assert await published(link) == [1, 3]
    assert await _waiting(database) == 0


async def test_what_is_taken_back_while_its_note_is_dropped_is_published(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """A relay of the release before marked it and left the note behind; an operator's replay commits in that moment."""
    await record(database, history(1))
    await _mark_all(database)
    holder = await outlets()

    async with database.begin():
        await database.writing_connection().execute("UPDATE outbox SET published_at = NULL")
        publishing = asyncio.create_task(holder.publish_all())
        await eventually(lambda: _held_up_or_done(database, holder.connection.info.backend_pid, publishing))
    await publishing
    await holder.publish_all()

    assert await published(link) == [1]


async def _mark_all(database: Database) -> None:
    async with database.begin():
        await database.writing_connection().execute("UPDATE outbox SET published_at = now()")


async def _held_up_or_done(database: Database, pid: int, task: asyncio.Task[None]) -> None:
    query = "SELECT count(*) AS waits FROM pg_locks WHERE NOT granted AND pid = %(pid)s"
    row = await (await database.writing_connection().execute(query, {"pid": pid})).fetchone()
    assert row is not None
    assert task.done() or row["waits"]


@pytest.mark.parametrize(
    ("word", "other"),
    [
        pytest.param(b'"type":"user.', b'"type":"user.\\u0000', id="nul"),
        pytest.param(b'"data":', b'"nested":' + b"[" * 5000 + b"]" * 5000 + b',"data":', id="nested"),
    ],
)
async def test_a_foreign_entry_that_nobody_can_read_does_not_stop_the_relay(
    database: Database, link: RedisLink, outlets: NewOutlet, word: bytes, other: bytes
):
    """It comes behind the relay's own and looks like an event; the relay goes on behind it."""
    holder, foreign = await outlets(), history(1)[0].encode()
    await record(database, history(1))
    await holder.publish_all()
    await link.call("XADD", STREAM, "*", "e", foreign.replace(word, other))
    await record(database, history(1, start=2))

    await holder.publish_all()

    assert await _waiting(database) == 0
    assert await link.call("XLEN", STREAM) == 3


async def test_marking_touches_no_index(database: Database, outlets: NewOutlet):
    """Each mark is a heap-only update, in pages that were left room for it."""
    await record(database, in_turns(*(history(10) for _ in range(50))))
    holder = await outlets()
    await holder.publish_all()

    async def marked_without_index() -> None:
        await holder.connection.execute("SELECT pg_stat_force_next_flush()")
        cursor = await holder.connection.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'outbox'"
        )
        assert await cursor.fetchone() == {"n_tup_upd": 500, "n_tup_hot_upd": 500}

    await eventually(marked_without_index)


async def test_large_envelopes_go_in_several_steps(database: Database, link: RedisLink, outlets: NewOutlet):
    """So that Redis is not kept busy with one of them for long; in order as ever."""
    large = msgspec.Raw(b'"' + b"x" * 3 * 2**20 + b'"')
    facts = [msgspec.structs.replace(fact, data=large) for fact in history(4)]
    await record(database, facts)
    holder = await outlets()

    await holder.publish_all()

    assert [envelope for _, envelope in await entries(link)] == facts
    assert await _waiting(database) == 0


async def test_what_was_marked_is_cleared_away_by_the_relay(
    database: Database, outlets: NewOutlet, monkeypatch: pytest.MonkeyPatch
):
    """A long backlog would otherwise make each look for what waits slower than the one before."""
    monkeypatch.setattr(outlet_stream, "_VACUUM_ROWS", 100)
    await record(database, history(100))
    holder = await outlets()

    await holder.publish_all()

    async def vacuumed() -> None:
        await holder.connection.execute("SELECT pg_stat_force_next_flush()")
        cursor = await holder.connection.execute(
            "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'outbox_pending'"
        )
        assert await cursor.fetchone() == {"vacuum_count": 1}

    await eventually(vacuumed)


async def _waiting(database: Database) -> int:
    async with database.reading_connection() as connection:
        row = await (await connection.execute("SELECT count(*) AS count FROM outbox_pending")).fetchone()
    assert row is not None
    return row["count"]


@asynccontextmanager
async def relaying(database: Database, link: RedisLink, **how: float) -> AsyncGenerator[Relay, None]:
    """A relay at work."""
    relay = Relay(database, "identity", StreamOutlet(link, STREAM, EventsSettings()), **how)
    task = supervised("relay", relay.run)
    try:
        yield relay
    finally:
        await cancelled(task)


async def _leaders(database: Database) -> list[int]:
    async with database.reading_connection() as connection:
        cursor = await connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return [row["pid"] for row in await cursor.fetchall()]


async def test_one_relay_leads_and_another_takes_over(database: Database, link: RedisLink):
    """When the leader's connection dies, the standby goes on; nothing is published twice."""
    running: list[AbstractAsyncContextManager[Relay]] = [relaying(database, link), relaying(database, link)]
    async with running[0], running[1]:
        await record(database, history(3))
        await eventually(lambda: _published_is(link, [1, 2, 3]))
        (leader,) = await _leaders(database)
        async with database.reading_connection() as connection:
            await connection.execute("SELECT pg_terminate_backend(%(pid)s)", {"pid": leader})

        await record(database, history(2))
        await eventually(lambda: _published_is(link, [1, 2, 3, 1, 2]))

        (successor,) = await _leaders(database)
        assert successor != leader


async def test_a_commit_wakes_the_relay(database: Database, link: RedisLink):
    """It does not wait for the poll, which here never comes."""
    async with relaying(database, link, poll=3_600):
        await eventually(lambda: _somebody_leads(database))
        for count in range(1, 11):
            await record(database, history(1))
            await eventually(lambda expected=count: _published_is(link, [1] * expected), within=10)


@pytest.mark.parametrize("stopping", [True, False])
async def test_a_relay_ends_when_told(database: Database, link: RedisLink, stopping: bool):
    """Leading or standing by, and it lets go of the lock."""
    relay = Relay(database, "identity", StreamOutlet(link, STREAM, EventsSettings()))
    task = asyncio.create_task(relay.run())
    await eventually(lambda: _somebody_leads(database))

    if stopping:
        relay.stop()
        await asyncio.wait_for(task, 5)
    else:
        await cancelled(task)

    await eventually(lambda: _nobody_leads(database))


class _KeepingOutlet(StreamOutlet):
    """Knows the connection of its relay."""

    connection: Connection | None = None

    async def take_over(self, connection: Connection) -> None:
        self.connection = connection
        await super().take_over(connection)


async def test_a_relay_notices_that_the_databases_host_vanished(database: Database, link: RedisLink):
    """Another one leads long before; this one would hold on to nothing for a quarter of an hour."""
    outlet = _KeepingOutlet(link, STREAM, EventsSettings())
    task = supervised("relay", Relay(database, "identity", outlet).run)

    async def leads_noticing() -> None:
        assert outlet.connection is not None
        chosen = outlet.connection.info.get_parameters()
        assert (chosen["tcp_user_timeout"], chosen["keepalives_idle"], chosen["connect_timeout"]) == ("15000", "5", "5")

    await eventually(leads_noticing)
    await cancelled(task)


async def _published_is(link: RedisLink, expected: list[int]) -> None:
    assert await published(link) == expected


async def _somebody_leads(database: Database) -> None:
    assert await _leaders(database)


async def _nobody_leads(database: Database) -> None:
    assert not await _leaders(database)
