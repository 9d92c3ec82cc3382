"""Replaying dead letters and running reactions again, on a real PostgreSQL: once, in order, whatever dies between."""

import asyncio
from uuid import UUID

import pytest
import pytest_asyncio
from promenade_chassis.events.operator.dead import Filter, discard_dead, list_dead, replay_dead
from promenade_chassis.events.operator.lag import consumer_backlog
from promenade_chassis.ports import NotYet, PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, PostgresBookkeeping, history
from promenade_chassis.testing.operator_rig import REACTION, OperatedConsumer, healthy
from promenade_chassis.testing.polling import eventually
from promenade_kernel.events.envelope import Envelope
from psycopg.errors import AdminShutdown, UniqueViolation
from structlog.testing import capture_logs

# Later than when it was asked for: "later than now" is true for fifty milliseconds.
POSTPONED = """
SELECT event_id, attempts, last_error, next_at >= requested_at + interval '50 milliseconds' AS later FROM redelivery
"""


@pytest_asyncio.fixture
async def consumer(books: PostgresBookkeeping) -> OperatedConsumer:
    """A consumer with a real ledger."""
    return OperatedConsumer(books)


def broken(envelope: Envelope) -> Exception:
    """The bug that is mended later."""
    return PermanentError("no such customer")


async def dead_ids(consumer: OperatedConsumer) -> list[UUID]:
    """The ids of the open dead letters."""
    async with consumer.connection() as connection:
        return [letter.id for letter in await list_dead(connection, CONTEXT, Filter())]


async def replay_all(consumer: OperatedConsumer) -> list[bool]:
    """Replay every open dead letter."""
    ids = await dead_ids(consumer)
    async with consumer.connection() as connection:
        return [await replay_dead(connection, each) for each in ids]


async def test_a_replayed_dead_letter_takes_effect_once_though_its_subject_has_moved_on(consumer: OperatedConsumer):
    """Number 1 was given up, 2 and 3 took effect; mended and replayed, 1 does too."""
    facts = history(3)
    consumer.trouble = lambda envelope: broken(envelope) if envelope.sequence == 1 else None
    for fact in facts:
        await consumer.deliver(fact)
    consumer.trouble = healthy

    assert await replay_all(consumer) == [True]
    await consumer.redeliver()

    assert await consumer.sequences(facts[0].subject) == [2, 3, 1]
    assert await dead_ids(consumer) == []
    assert await consumer.rows("SELECT * FROM redelivery") == []
    labels = {"context": CONTEXT, "reaction": REACTION}
    assert consumer.registry.get_sample_value("promenade_events_handled_total", labels) == 1


async def test_replaying_twice_runs_it_once(consumer: OperatedConsumer):
    """The second command says that nothing is open, before as well as after the effect; so do ten at once."""
    (fact,) = history(1)
    consumer.trouble = broken
    await consumer.deliver(fact)
    consumer.trouble = healthy
    (letter,) = await dead_ids(consumer)

    async def replay() -> bool:
        async with consumer.connection() as connection:
            return await replay_dead(connection, letter)

    assert sorted(await asyncio.gather(*(replay() for _ in range(10)))) == [False] * 9 + [True]
    await consumer.redeliver()
    assert not await replay()
    await consumer.redeliver()

    assert await consumer.sequences(fact.subject) == [1]


async def test_what_comes_by_the_stream_as_well_takes_effect_once(consumer: OperatedConsumer):
    """A duplicate between the replay and its effect, and one after it, change nothing."""
    (fact,) = history(1)
    consumer.trouble = broken
    await consumer.deliver(fact)
    consumer.trouble = healthy
    await replay_all(consumer)

    await consumer.deliver(fact)
    await consumer.redeliver()
    await consumer.deliver(fact)

    assert await consumer.sequences(fact.subject) == [1]


async def test_dying_after_the_effect_leaves_nothing_to_do_twice(consumer: OperatedConsumer):
    """A row whose effect is remembered already, as a copy from a backup would be, is dropped without running."""
    (fact,) = history(1)
    await consumer.deliver(fact)
    async with consumer.books.database.begin():
        await consumer.books.database.writing_connection().execute(
            "INSERT INTO redelivery (id, event_id, reaction, subject, sequence, envelope)"
            " VALUES (%(id)s, %(id)s, %(reaction)s, %(subject)s, 1, %(envelope)s)",
            {"id": fact.id, "reaction": REACTION, "subject": fact.subject, "envelope": fact.encode()},
        )

    await consumer.redeliver()

    assert await consumer.sequences(fact.subject) == [1]
    assert await consumer.rows("SELECT * FROM redelivery") == []


async def test_a_connection_that_breaks_during_a_replay_is_no_attempt(consumer: OperatedConsumer):
    """Killed after the reaction has written and before its transaction ends: nothing is left of it, then it is done."""
    (fact,) = history(1)
    consumer.trouble = broken
    await consumer.deliver(fact)
    consumer.trouble = lambda envelope: AdminShutdown("terminating connection")
    await replay_all(consumer)

    with pytest.raises(AdminShutdown):
        await consumer.redelivery.step()

    assert await consumer.books.effects() == []
    assert await consumer.rows("SELECT attempts, last_error FROM redelivery") == [{"attempts": 0, "last_error": ""}]
    consumer.trouble = healthy
    await consumer.redeliver()
    assert await consumer.sequences(fact.subject) == [1]


async def test_a_replay_that_fails_again_opens_the_same_dead_letter(consumer: OperatedConsumer):
    """With the new reason and all attempts counted, no effect left behind; it can be replayed again."""
    (fact,) = history(1)
    consumer.trouble = broken
    await consumer.deliver(fact)
    before = await dead_ids(consumer)
    consumer.trouble = lambda envelope: ValueError("still wrong")

    await replay_all(consumer)
    await consumer.redeliver()

    assert await dead_ids(consumer) == before
    assert await consumer.rows("SELECT reason, attempts FROM dead_letter") == [
        {"reason": "ValueError: still wrong", "attempts": 1 + 3}
    ]
    assert await consumer.sequences(fact.subject) == []
    consumer.trouble = healthy
    assert await replay_all(consumer) == [True]
    await consumer.redeliver()
    assert await consumer.sequences(fact.subject) == [1]


async def test_a_replay_that_must_wait_waits_without_being_counted(consumer: OperatedConsumer):
    """`NotYet` is no attempt, here as anywhere."""
    (fact,) = history(1)
    consumer.trouble = broken
    await consumer.deliver(fact)
    consumer.trouble = lambda envelope: NotYet("its customer")
    await replay_all(consumer)

    await consumer.redelivery.step()

    (row,) = await consumer.rows(POSTPONED)
    assert row == {"event_id": fact.id, "attempts": 0, "last_error": "NotYet: its customer", "later": True}


async def test_several_replicas_replay_each_once_and_a_subject_in_order(consumer: OperatedConsumer):
    """Four workers at once on forty dead letters of eight subjects."""
    histories = [history(5) for _ in range(8)]
    consumer.trouble = broken
    for fact in (fact for each in histories for fact in each):
        await consumer.deliver(fact)
    consumer.trouble = healthy
    await replay_all(consumer)

    async def work() -> None:
        while await consumer.rows("SELECT FROM redelivery"):
            await consumer.redelivery.step()

    await asyncio.gather(*(work() for _ in range(4)))

    assert [await consumer.sequences(each[0].subject) for each in histories] == [[1, 2, 3, 4, 5]] * 8


async def test_an_old_dead_letter_can_still_be_replayed(consumer: OperatedConsumer):
    """Long after progress and inbox have forgotten its subject; and its progress is not made up."""
    facts = history(3)
    consumer.trouble = lambda envelope: broken(envelope) if envelope.sequence == 2 else None
    for fact in facts:
        await consumer.deliver(fact)
    consumer.trouble = healthy
    async with consumer.connection() as connection:
        await connection.execute("DELETE FROM subject_progress")
        await connection.execute("DELETE FROM inbox")

    await replay_all(consumer)
    await consumer.redeliver()

    assert await consumer.sequences(facts[0].subject) == [1, 3, 2]
    assert await consumer.rows("SELECT * FROM subject_progress") == []


async def test_a_row_for_a_reaction_nobody_has_waits(consumer: OperatedConsumer):
    """It was renamed, or another release has it: nothing is lost, the others go on."""
    consumer.trouble = broken
    first, second = history(1)[0], history(1)[0]
    await consumer.deliver(first)
    await consumer.deliver(second)
    consumer.trouble = healthy
    async with consumer.connection() as connection:
        await connection.execute(
            "UPDATE dead_letter SET reaction = 'billing.gone' WHERE event_id = %(id)s", {"id": first.id}
        )

    await replay_all(consumer)
    await consumer.redeliver()

    assert await consumer.sequences(first.subject) == []
    assert await consumer.sequences(second.subject) == [1]
    async with consumer.connection() as connection:
        await connection.execute("UPDATE redelivery SET requested_at = now() - interval '61 minutes'")
        backlog = await consumer_backlog(connection, CONTEXT)
    assert [(each.reaction, each.state) for each in backlog.waiting] == [("billing.gone", "replaying")]
    assert (backlog.stuck_count, backlog.replays_count) == (1, 1)


async def test_an_entry_that_was_no_envelope_stays_dead_until_a_release_can_read_it(consumer: OperatedConsumer):
    """Replayed in vain it is open again; when it can be read, every reaction gets it."""
    (fact,) = history(1)
    await consumer.deliver_unreadable(b"no envelope")
    await consumer.deliver_unreadable(fact.encode())  # the release before could not read this one

    assert await replay_all(consumer) == [True, True]
    await consumer.redeliver()

    assert await consumer.sequences(fact.subject) == [1]
    assert [
        row["envelope"] for row in await consumer.rows("SELECT envelope FROM dead_letter WHERE replayed_at IS NULL")
    ] == [b"no envelope"]


async def test_a_poison_message_that_comes_again_while_it_is_replayed_stops_nobody(consumer: OperatedConsumer):
    """Its second dead letter is open when the replay of the first fails: that one stays the only open one."""
    poison, (fact,) = history(1)[0].encode().replace(b'"specversion":"1.0"', b'"specversion":"9"'), history(1)
    await consumer.deliver_unreadable(poison)
    consumer.trouble = broken
    await consumer.deliver(fact)
    consumer.trouble = healthy
    assert await replay_all(consumer) == [True, True]
    await consumer.deliver_unreadable(poison)
    second = await dead_ids(consumer)

    await consumer.redeliver()

    assert await consumer.sequences(fact.subject) == [1]
    assert await consumer.rows("SELECT * FROM redelivery") == []
    assert len(second) == 1
    assert await dead_ids(consumer) == second


async def test_a_replay_that_can_neither_be_done_nor_given_up_lets_the_others_go_on(consumer: OperatedConsumer):
    """Something refuses to write its dead letter: the row waits, is shown with what is wrong, and is done later."""
    first, second = history(1)[0], history(1)[0]
    consumer.trouble = broken
    await consumer.deliver(first)
    await consumer.deliver(second)
    await replay_all(consumer)
    await consumer.rows("UPDATE redelivery SET next_at = now() - interval '1 minute' RETURNING id")
    async with consumer.connection() as connection:
        await connection.execute(
            "ALTER TABLE dead_letter ADD CONSTRAINT full_up CHECK (reason <> 'PermanentError: no')"
        )
    consumer.trouble = lambda envelope: PermanentError("no") if envelope.id == first.id else None

    await consumer.redeliver()

    assert await consumer.sequences(first.subject) == []
    assert await consumer.sequences(second.subject) == [1]
    (row,) = await consumer.rows(POSTPONED)
    assert (row["event_id"], row["later"]) == (first.id, True)
    assert row["last_error"].startswith("CheckViolation")
    consumer.trouble = healthy
    await eventually(lambda: _redelivered(consumer, first, [1]))


async def test_a_replay_whose_commit_fails_is_counted_as_any_attempt(consumer: OperatedConsumer):
    """A constraint that is checked at the end: after the last attempt the dead letter is open again."""
    facts = history(2)
    consumer.trouble = lambda envelope: broken(envelope) if envelope.sequence == 2 else None
    for fact in facts:
        await consumer.deliver(fact)
    consumer.trouble = healthy
    async with consumer.connection() as connection:
        await connection.execute("ALTER TABLE effect ADD UNIQUE (subject) DEFERRABLE INITIALLY DEFERRED")

    await replay_all(consumer)
    await consumer.redeliver()

    assert await consumer.sequences(facts[0].subject) == [1]
    assert await consumer.rows("SELECT * FROM redelivery") == []
    labels = {"context": CONTEXT, "reaction": REACTION}
    assert not consumer.registry.get_sample_value("promenade_events_handled_total", labels)
    (letter,) = await consumer.rows("SELECT reason, attempts FROM dead_letter WHERE replayed_at IS NULL")
    assert letter["attempts"] == 1 + 3
    assert letter["reason"].startswith("UniqueViolation")


async def test_discarding_needs_a_reason_keeps_the_row_and_ends_a_replay_that_waits(consumer: OperatedConsumer):
    """Closed for good: not open, not replayed any more, and why is written down."""
    facts = [history(1)[0], history(1)[0]]
    consumer.trouble = broken
    for fact in facts:
        await consumer.deliver(fact)
    consumer.trouble = healthy
    opened = await dead_ids(consumer)

    async with consumer.connection() as connection:
        with pytest.raises(ValueError, match="reason"):
            await discard_dead(connection, opened[0], "  ")
        assert await discard_dead(connection, opened[0], "test data")
        assert await replay_dead(connection, opened[1])
        assert await discard_dead(connection, opened[1], "after all")
        assert not await discard_dead(connection, opened[1], "twice")
        assert not await replay_dead(connection, opened[0])
    await consumer.redeliver()

    assert await consumer.books.effects() == []
    rows = await consumer.rows("SELECT discard_reason FROM dead_letter ORDER BY discarded_at")
    assert [row["discard_reason"] for row in rows] == ["test data", "after all"]


async def test_what_postgresql_quotes_stays_in_the_database_and_out_of_the_logs(consumer: OperatedConsumer):
    """The dead letter says all that is known; the log says class and SQLSTATE."""
    (fact,) = history(1)
    consumer.trouble = broken
    await consumer.deliver(fact)
    consumer.trouble = lambda envelope: UniqueViolation("duplicate key\nDETAIL:  Key (email)=(ada@example.org)")
    await replay_all(consumer)

    with capture_logs() as said:
        await consumer.redeliver()

    assert [line["event"] for line in said] == ["redelivery.postponed"] * 2 + ["event.dead-lettered"]
    assert {line["error"] for line in said} == {"UniqueViolation 23505"}
    assert "ada@" not in str(said)
    (letter,) = await consumer.rows("SELECT reason FROM dead_letter")
    assert "ada@" in letter["reason"]


async def _redelivered(consumer: OperatedConsumer, fact: Envelope, expected: list[int]) -> None:
    await consumer.redelivery.step()
    assert await consumer.sequences(fact.subject) == expected
