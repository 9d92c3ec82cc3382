"""What operators see, on real engines."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from promenade_chassis.database import Connection, Database
from promenade_chassis.events.operator.dead import Filter, list_dead, replay_dead, show_dead
from promenade_chassis.events.operator.lag import consumer_backlog, gaps_in_front, outbox_lag, stream_lag
from promenade_chassis.events.operator.lookup import (
    Wanted,
    events_by_id,
    events_of_processes,
    last_events,
    newest_seq,
    next_events,
    place_of_subject,
    processes_mentioning,
    processes_of,
    reactions_to,
)
from promenade_chassis.events.outbox_rows import publish_again
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.ports import NotYet, PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, PostgresBookkeeping, history
from promenade_chassis.testing.events import record, sealed
from promenade_chassis.testing.operator_rig import REACTION, OperatedConsumer
from promenade_chassis.testing.relay_rig import NewOutlet
from promenade_kernel.events.envelope import Cause, Envelope
from promenade_kernel.events.identity import UserSuspended
from promenade_kernel.values.ids import new_id

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def consumer(books: PostgresBookkeeping) -> OperatedConsumer:
    """A consumer with a real ledger."""
    return OperatedConsumer(books)


@pytest_asyncio.fixture
async def connection(database: Database) -> AsyncGenerator[Connection, None]:
    """An operator's connection to the database, which here is producer's and consumer's in one."""
    async with database.reading_connection() as opened:
        yield opened


async def test_an_outbox_tells_how_much_waits_and_for_how_long(
    database: Database, connection: Connection, outlets: NewOutlet
):
    """Nothing, then three, then nothing again."""
    assert (await outbox_lag(connection, "identity")).depth == 0

    await record(database, history(3))
    await connection.execute(
        "UPDATE outbox_pending SET since = now() - interval '90 seconds' WHERE seq = (SELECT seq FROM outbox LIMIT 1)"
    )
    waiting = await outbox_lag(connection, "identity")
    await (await outlets()).publish_all()

    assert waiting.depth == 3
    assert 90 <= waiting.oldest_seconds < 150
    assert (await outbox_lag(connection, "identity")).depth == 0


async def test_what_is_published_again_waits_since_it_was_asked_for(
    database: Database, connection: Connection, outlets: NewOutlet
):
    """Events of last week that an operator publishes again are no outbox that nobody has published for a week."""
    await record(database, history(3))
    await (await outlets()).publish_all()
    await connection.execute("UPDATE outbox SET created_at = now() - interval '7 days'")

    assert await publish_again(connection, since=LONG_AGO, until=datetime.now(UTC)) == 3

    waiting = await outbox_lag(connection, "identity")
    assert waiting.depth == 3
    assert 0 <= waiting.oldest_seconds < 60


async def test_a_stream_tells_of_every_group(database: Database, link: RedisLink, outlets: NewOutlet):
    """Delivered, pending and what is still to come; a stream nobody ever wrote to is empty."""
    assert (await stream_lag(link, "identity")).length == 0
    await record(database, history(5))
    await (await outlets()).publish_all()
    await link.call("XGROUP", "CREATE", "promenade.identity", "billing", "0")
    await link.call("XGROUP", "CREATE", "promenade.identity", "orders", "$")
    await link.call("XREADGROUP", "GROUP", "billing", "one", "COUNT", 2, "STREAMS", "promenade.identity", ">")

    seen = await stream_lag(link, "identity")

    assert seen.length == 5
    billing, orders = sorted(seen.groups, key=lambda group: group.group)
    assert (billing.group, billing.consumers, billing.pending, billing.lag) == ("billing", 1, 2, 3)
    assert 0 <= billing.oldest_seconds < 60
    assert (orders.group, orders.pending, orders.lag) == ("orders", 0, 0)


async def test_what_waits_is_counted_and_what_waits_long_is_stuck(consumer: OperatedConsumer, connection: Connection):
    """Two reactions wait, one of them for more than an hour; one dead letter is open."""
    for trouble in (NotYet("a"), NotYet("b"), PermanentError("c")):
        consumer.trouble = lambda envelope, trouble=trouble: trouble
        await consumer.books.ledger.handle(history(1)[0], consumer.subscriptions.of("user.suspended.v1"))
    await connection.execute(
        "UPDATE attempt SET first_at = now() - interval '61 minutes' WHERE last_error = 'NotYet: b'"
    )

    seen = await consumer_backlog(connection, CONTEXT)

    assert (seen.waiting_count, seen.stuck_count, seen.replays_count, seen.dead_open) == (2, 1, 0, 1)
    assert [(each.error, each.attempts) for each in seen.waiting] == [("NotYet: b", 0), ("NotYet: a", 0)]


async def test_a_gap_in_front_of_a_subject_is_named(
    database: Database, connection: Connection, consumer: OperatedConsumer, link: RedisLink, outlets: NewOutlet
):
    """Number 1 took effect, 3 and 4 are held, 2 never came; another subject is all right."""
    facts, other = history(4), history(1)
    await consumer.deliver(facts[0])
    await record(database, [*facts[2:], *other])
    await (await outlets()).publish_all()
    await link.call("XGROUP", "CREATE", "promenade.identity", CONTEXT, "0")
    await link.call("XREADGROUP", "GROUP", CONTEXT, "one", "STREAMS", "promenade.identity", ">")

    (gap,) = await gaps_in_front(connection, link, "identity", CONTEXT, older_than=-1)

    assert (gap.subject, gap.missing, gap.waiting) == (facts[0].subject, 2, 3)
    assert await gaps_in_front(connection, link, "identity", CONTEXT, older_than=3600) == []
    assert await gaps_in_front(connection, link, "identity", "nobody", older_than=-1) == []


async def test_an_event_is_found_with_all_that_became_of_it(consumer: OperatedConsumer, connection: Connection):
    """Recorded, handled here, waiting there, dead and replayed elsewhere; the place of its subject."""
    first, second, third = history(3)
    await record(consumer.books.database, [first, second, third])
    await consumer.deliver(first)
    consumer.trouble = lambda envelope: PermanentError("no")
    await consumer.deliver(second)
    consumer.trouble = lambda envelope: NotYet("its customer")
    await consumer.books.ledger.handle(third, consumer.subscriptions.of(third.type))

    (event,) = await events_by_id(connection, "identity", second.id)
    states = await reactions_to(connection, CONTEXT, [first.id, second.id, third.id])
    place = await place_of_subject(connection, CONTEXT, first.source, first.subject)

    assert (event.envelope, event.published_at, event.stream_id) == (second, None, None)
    assert [(each.event_id, each.state, each.error) for each in states] == [
        (first.id, "handled", ""),
        (second.id, "dead", "PermanentError: no"),
        (third.id, "waiting", "NotYet: its customer"),
    ]
    assert all(each.reaction == REACTION for each in states)
    assert place.settled == 2
    assert (await place_of_subject(connection, CONTEXT, first.source, new_id())).settled is None

    dead = states[1].dead_letter
    assert dead is not None
    await replay_dead(connection, dead)
    assert {each.state for each in await reactions_to(connection, CONTEXT, [second.id])} == {"replayed", "replaying"}


async def test_a_process_is_found_by_itself_an_event_a_subject_or_a_value(database: Database, connection: Connection):
    """And by nothing that is none of these."""
    user = new_id()
    cause = Cause(correlation_id="process-1", causation_id=str(new_id()))
    events = [sealed(UserSuspended(user_id=user), subject=user, sequence=number, cause=cause) for number in (1, 2)]
    await record(database, [*events, *history(1)])

    for text in ("process-1", str(events[0].id), str(user)):
        assert await processes_of(connection, text) == ["process-1"]
    assert await processes_mentioning(connection, str(user)) == ["process-1"]
    assert await processes_of(connection, "ORD-2026-000001") == []
    assert await processes_mentioning(connection, str(user)[:-1]) == []
    found = await events_of_processes(connection, "identity", ["process-1"])
    assert [each.envelope.id for each in found] == [each.id for each in events]


async def test_events_are_followed_also_when_they_commit_out_of_order(database: Database, connection: Connection):
    """One transaction takes its number first and commits last; nothing is told twice."""
    mine, late, later = history(2), history(1), history(1)
    await record(database, mine)
    last = await newest_seq(connection)
    assert [each.envelope.id for each in await last_events(connection, "identity", Wanted(), limit=1)] == [mine[1].id]
    async with await Connection.connect(database.url) as slow:
        await slow.execute("SELECT nextval(pg_get_serial_sequence('outbox', 'seq'))")
        await record(database, later)
        (first,) = await next_events(connection, "identity", Wanted(), after=last, seen=[])
        await slow.execute(
            "INSERT INTO outbox (seq, event_id, subject, sequence, major, type, envelope) OVERRIDING SYSTEM VALUE"
            " VALUES (currval(pg_get_serial_sequence('outbox', 'seq')), %(id)s, %(id)s, 1, 1, %(type)s, %(envelope)s)",
            {"id": late[0].id, "type": late[0].type, "envelope": late[0].encode()},
        )

    (second,) = await next_events(connection, "identity", Wanted(), after=last, seen=[first.seq])

    assert [first.envelope.id, second.envelope.id] == [later[0].id, late[0].id]
    assert second.seq < first.seq


async def test_events_are_chosen_by_type_subject_process_and_time(database: Database, connection: Connection):
    """Each filter alone lets one history through."""
    one, two = history(2), history(2)
    await record(database, [*one, *two])
    await connection.execute(
        "UPDATE outbox SET created_at = %(then)s WHERE subject = %(s)s", {"then": LONG_AGO, "s": one[0].subject}
    )

    async def chosen(wanted: Wanted, since: datetime | None = None) -> list[Envelope]:
        return [each.envelope for each in await last_events(connection, "identity", wanted, limit=10, since=since)]

    assert await chosen(Wanted(type="user.*")) == [*one, *two]
    assert await chosen(Wanted(type="user.suspended")) == [*one, *two]
    assert await chosen(Wanted(type="user_suspended*")) == []
    assert await chosen(Wanted(subject=one[0].subject)) == one
    assert await chosen(Wanted(correlation=two[1].correlationid)) == [two[1]]
    assert await chosen(Wanted(), since=LONG_AGO + timedelta(days=1)) == two


async def test_dead_letters_are_filtered_and_shown_whole(consumer: OperatedConsumer, connection: Connection):
    """By reaction with or without its context, by type, by time; with envelope and traceback."""
    (fact,) = history(1)
    consumer.trouble = lambda envelope: PermanentError("no such customer")
    await consumer.deliver(fact)
    await consumer.deliver_unreadable(b"\xff no envelope")

    async def chosen(**wanted: object) -> int:
        return len(await list_dead(connection, CONTEXT, Filter(**wanted)))

    assert await chosen() == 2
    assert [await chosen(reaction=name) for name in (REACTION, "on_user_suspended", "*", "on_user")] == [1, 1, 1, 0]
    assert [await chosen(type=name) for name in ("user.*", "user.suspended.v1", "order.*")] == [1, 1, 0]
    assert await chosen(since=datetime.now(UTC) + timedelta(minutes=1)) == 0
    letter, unreadable = await list_dead(connection, CONTEXT, Filter())
    assert await list_dead(connection, CONTEXT, Filter(), limit=1) == [unreadable]
    whole = await show_dead(connection, CONTEXT, letter.id)
    assert whole is not None
    assert whole.envelope.encode() == fact.encode()
    assert "PermanentError: no such customer" in whole.traceback
    raw = await show_dead(connection, CONTEXT, unreadable.id)
    assert raw is not None
    assert raw.envelope == "\\xff no envelope"
