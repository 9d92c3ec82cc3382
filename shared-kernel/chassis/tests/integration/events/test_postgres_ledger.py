"""The real ledger: effects and bookkeeping in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
import psycopg
import pytest
from promenade_chassis.config import DatabaseSettings, EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.book import DatabaseAway
from promenade_chassis.events.bus import Subscription
from promenade_chassis.events.ledger import Ledger
from promenade_chassis.events.outcome import DONE, Again
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.events.retry import RetryPolicy
from promenade_chassis.ports import NotYet, utc_now
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping, history
from promenade_chassis.testing.polling import eventually
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended

Effect = Callable[[UserSuspended, Envelope], Awaitable[None]]


def subscribed(reaction: Effect, name: str = "on_user_suspended") -> list[Subscription]:
    """The reaction as the ledger gets it."""
    return [Subscription(f"{CONTEXT}.{name}", UserSuspended, reaction)]


async def rows(database: Database, statement: str) -> list[dict[str, object]]:
    """What a query answers."""
    async with database.reading_connection() as connection:
        cursor = await connection.execute(statement)  # pyright: ignore[reportArgumentType]
        return await cursor.fetchall() if cursor.description else []


async def done(ledger: Ledger, fact: Envelope, reaction: Effect) -> None:
    """Deliver it until it is settled."""

    async def deliver() -> None:
        assert await ledger.handle(fact, subscribed(reaction)) == DONE

    await eventually(deliver, every=0.005)


async def test_an_effect_and_its_inbox_row_commit_together(database: Database, books: PostgresBookkeeping):
    """A reaction that fails after it wrote leaves nothing but the attempt."""
    (fact,) = history(1)

    async def write_then_fail(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)
        raise NotYet("the rest")

    outcome = await books.ledger.handle(fact, subscribed(write_then_fail))

    assert isinstance(outcome, Again)
    assert await books.effects() == []
    assert await rows(database, "SELECT * FROM inbox") == []
    assert [row["sequence"] for row in await rows(database, "SELECT sequence FROM subject_progress")] == [0]


async def test_success_forgets_the_attempts(database: Database, books: PostgresBookkeeping):
    """What is left in `attempt` is what fails or waits now."""
    (fact,) = history(1)
    calls = 0

    async def fail_once(event: UserSuspended, envelope: Envelope) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise LookupError("once")
        await books.write(envelope)

    await done(books.ledger, fact, fail_once)

    assert await rows(database, "SELECT * FROM attempt") == []
    assert await rows(database, "SELECT event_id, reaction FROM inbox") == [
        {"event_id": fact.id, "reaction": "billing.on_user_suspended"}
    ]


async def test_back_off_survives_a_restart(
    database: Database, books: PostgresBookkeeping, monkeypatch: pytest.MonkeyPatch
):
    """A new process does not try before the time the old one had written down."""
    # The whole of its pause: by chance one is over as soon as it has begun.
    monkeypatch.setattr(RetryPolicy, "delay", lambda policy, failures, _: policy.ceiling(failures))
    patient = EventsSettings(attempts=3, backoff_first_ms=60_000, backoff_cap_seconds=60)
    (fact,) = history(1)
    calls = 0

    async def fail(event: UserSuspended, envelope: Envelope) -> None:
        nonlocal calls
        calls += 1
        raise LookupError("for now")

    first, second = PostgresLedger(database, CONTEXT, patient), PostgresLedger(database, CONTEXT, patient)
    before = await first.handle(fact, subscribed(fail))
    made = calls
    after = await second.handle(fact, subscribed(fail))

    assert isinstance(before, Again)
    assert isinstance(after, Again)
    assert after.seconds <= before.seconds
    assert calls == made


async def test_replicas_that_get_the_same_event_act_once(database: Database, books: PostgresBookkeeping):
    """Twenty at the same time, of two events of one subject."""
    facts = history(2)
    replicas = [PostgresLedger(database, CONTEXT, QUICK) for _ in range(10)]

    async def write(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)

    async def insist(ledger: PostgresLedger, fact: Envelope) -> None:
        await done(ledger, fact, write)

    await asyncio.gather(*(insist(ledger, fact) for ledger in replicas for fact in reversed(facts)))

    assert [sequence for _, sequence in await books.effects()] == [1, 2]


async def test_a_database_error_that_was_swallowed_does_not_pass_for_success(
    database: Database, books: PostgresBookkeeping
):
    """The transaction is lost; saying it was done would lose the event."""
    (fact,) = history(1)

    async def swallow(event: UserSuspended, envelope: Envelope) -> None:
        try:
            await database.writing_connection().execute("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            return

    await done(books.ledger, fact, swallow)

    assert await books.dead_letters() == [("billing.on_user_suspended", 3)]
    assert await rows(database, "SELECT * FROM inbox") == []


async def test_a_constraint_that_fails_at_commit_is_the_reactions_failure(
    database: Database, books: PostgresBookkeeping
):
    """Deferred checks are tried again and given up like any other error."""
    await rows(database, "CREATE TABLE seat (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    (fact,) = history(1)

    async def sit_twice(event: UserSuspended, envelope: Envelope) -> None:
        await database.writing_connection().execute("INSERT INTO seat VALUES (1), (1)")

    await done(books.ledger, fact, sit_twice)

    assert await books.dead_letters() == [("billing.on_user_suspended", 3)]


async def test_a_connection_that_dies_in_a_reaction_is_no_attempt(database: Database, books: PostgresBookkeeping):
    """Not even when the reaction turns what the driver raised into something else."""
    (fact,) = history(1)

    async def lose_the_connection(event: UserSuspended, envelope: Envelope) -> None:
        try:
            await database.writing_connection().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        except psycopg.Error as error:
            raise LookupError("wrapped") from error

    with pytest.raises(DatabaseAway):
        await books.ledger.handle(fact, subscribed(lose_the_connection))

    assert await rows(database, "SELECT * FROM attempt") == []


async def test_a_database_that_was_never_there_is_away():
    """A pool that gets no connection says nothing about the event."""
    nowhere = Database(DatabaseSettings(url="postgresql://u:p@127.0.0.1:1/none", acquire_timeout_seconds=0.2))
    await nowhere.open()

    with pytest.raises(DatabaseAway):
        await PostgresLedger(nowhere, CONTEXT, QUICK).handle(history(1)[0], [])
    await nowhere.close()


async def test_a_dead_letter_tells_everything(database: Database, books: PostgresBookkeeping):
    """The whole envelope, why, how often and where; also when the reason is nothing PostgreSQL takes as text."""
    (fact,) = history(1)

    async def fail(event: UserSuspended, envelope: Envelope) -> None:
        raise LookupError("nul \0 and half a surrogate \ud800")

    await done(books.ledger, fact, fail)
    (letter,) = await rows(database, "SELECT * FROM dead_letter")

    assert Envelope.decode(bytes(letter["envelope"])) == fact  # pyright: ignore[reportArgumentType]
    assert letter["event_id"] == fact.id
    assert letter["type"] == "user.suspended.v1"
    assert (letter["source"], letter["subject"]) == (fact.source, fact.subject)
    assert letter["attempts"] == 3
    assert str(letter["reason"]).startswith("LookupError: nul \\0")
    assert "in fail" in str(letter["traceback"])


async def test_what_is_no_envelope_is_buried_once(books: PostgresBookkeeping):
    """However often it is delivered before it is acknowledged."""
    for _ in range(3):
        assert await books.ledger.bury(b"\xff\x00garbage", "not an envelope") == DONE

    assert await books.dead_letters() == [("*", 0)]


async def test_what_is_no_envelope_but_has_a_place_lets_its_subject_go_on(books: PostgresBookkeeping):
    """A message without a time is as lost as garbage, what follows of its subject is not."""
    first, second, third = history(3)
    broken = msgspec.json.encode({**msgspec.json.decode(second.encode()), "time": None})

    async def write(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)

    early = await books.ledger.bury(broken, "no time")
    await books.ledger.handle(first, subscribed(write))
    in_turn = await books.ledger.bury(broken, "no time")
    await books.ledger.handle(third, subscribed(write))

    assert isinstance(early, Again)
    assert in_turn == DONE
    assert [sequence for _, sequence in await books.effects()] == [1, 3]


async def test_what_the_inbox_may_have_forgotten_is_not_done_again(database: Database, books: PostgresBookkeeping):
    """An event older than inbox rows are kept is taken as done when its subject is beyond it."""
    (fact,) = history(1)
    old = msgspec.structs.replace(fact, time=utc_now() - timedelta(days=31))

    async def write(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)

    await books.ledger.handle(old, subscribed(write))
    await rows(database, "DELETE FROM inbox")
    await books.ledger.handle(old, subscribed(write))

    assert len(await books.effects()) == 1
