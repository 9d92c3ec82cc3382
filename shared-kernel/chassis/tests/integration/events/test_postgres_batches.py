"""Several events in one transaction of the consumer's database."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from promenade_chassis.database import Database
from promenade_chassis.events.book import DatabaseAway
from promenade_chassis.events.bus import Subscriptions
from promenade_chassis.events.outcome import DONE
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.ports import PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, PostgresBookkeeping, history
from promenade_chassis.testing.events import in_turns
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended

Effect = Callable[[UserSuspended, Envelope], Awaitable[None]]


def subscribed(reaction: Effect, **how: bool) -> Subscriptions:
    """One reaction."""
    subscriptions = Subscriptions(CONTEXT)
    subscriptions.add(UserSuspended, reaction, **how)
    return subscriptions


async def column(database: Database, statement: str) -> list[Any]:
    """The first column of what a query answers."""
    async with database.reading_connection() as connection:
        cursor = await connection.execute(statement)  # pyright: ignore[reportArgumentType]
        return [next(iter(row.values())) for row in await cursor.fetchall()]


async def deliver(ledger: PostgresLedger, facts: Sequence[Envelope], subscriptions: Subscriptions) -> None:
    """Hand a batch over, and what was not done of it again."""
    waiting = list(facts)
    async with asyncio.timeout(30):
        while waiting:
            outcomes = await ledger.handle_all(waiting, subscriptions) or [DONE] * len(waiting)
            waiting = [each for each, outcome in zip(waiting, outcomes, strict=True) if outcome is not DONE]


async def transactions(database: Database, facts: Sequence[Envelope], **how: bool) -> list[int]:
    """In how many transactions facts take effect: the id of each effect's."""
    seen: list[int] = []

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        cursor = await database.writing_connection().execute("SELECT pg_current_xact_id()::text AS id")
        seen.extend(int(row["id"]) for row in await cursor.fetchall())

    await deliver(PostgresLedger(database, CONTEXT, QUICK), facts, subscribed(on_user_suspended, **how))
    return seen


async def test_events_of_a_batch_share_a_transaction_unless_they_go_alone(database: Database):
    """`alone` gives each call its own."""
    together = await transactions(database, in_turns(*(history(2) for _ in range(5))))
    alone = await transactions(database, in_turns(*(history(2) for _ in range(5))), alone=True)

    assert len(together) == len(alone) == 10
    assert len(set(together)) < 10
    assert len(set(alone)) == 10


async def test_progress_and_inbox_are_complete(database: Database, books: PostgresBookkeeping):
    """Of subjects never seen before, of known ones, and of one whose events are more than one batch."""
    ledger, subscriptions = PostgresLedger(database, CONTEXT, QUICK), subscribed(_writing(books))
    known = history(4)
    await deliver(ledger, known[:2], subscriptions)

    await deliver(ledger, [*history(3), *known[2:], *history(7)], subscriptions)

    progress = await column(database, "SELECT sequence FROM subject_progress ORDER BY sequence")
    assert progress == [3, 4, 7]
    assert await column(database, "SELECT count(DISTINCT (event_id, reaction)) FROM inbox") == [14]


async def test_replicas_that_get_the_same_batches_act_once_and_in_order(database: Database, books: PostgresBookkeeping):
    """Six at the same time, the batches cut differently, some of it twice."""
    facts = in_turns(*(history(10) for _ in range(30)))

    async def replica(seed: int) -> None:
        chance = random.Random(seed)
        rest = list(facts)
        while rest:
            size = chance.randint(1, 80)
            await deliver(PostgresLedger(database, CONTEXT, QUICK), rest[:size], subscribed(_writing(books)))
            rest = rest[chance.randint(1, size) :]

    await asyncio.gather(*(replica(seed) for seed in range(6)))

    effects = await books.effects()
    assert len(effects) == 300
    for subject in {fact.subject for fact in facts}:
        assert [sequence for about, sequence in effects if about == subject] == list(range(1, 11))


async def test_batches_that_lock_the_same_rows_crosswise_both_take_effect(
    database: Database, books: PostgresBookkeeping
):
    """PostgreSQL ends one of the two; it goes one by one, and nobody counts that as a failure."""
    async with database.begin():
        await database.writing_connection().execute("CREATE TABLE account (id int PRIMARY KEY, balance int)")
        await database.writing_connection().execute("INSERT INTO account VALUES (1, 0), (2, 0)")
    facts = [history(1)[0] for _ in range(4)]
    both_hold_one = asyncio.Barrier(2)
    crossed: set[Any] = set()

    def pay(first: int, second: int) -> Effect:
        accounts = iter([first, second])

        async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
            account = next(accounts, second)
            await database.writing_connection().execute(
                "UPDATE account SET balance = balance + 1 WHERE id = %(id)s", {"id": account}
            )
            await books.write(envelope)
            if account == first and first not in crossed:
                crossed.add(first)
                await both_hold_one.wait()

        return on_user_suspended

    await asyncio.gather(
        deliver(PostgresLedger(database, CONTEXT, QUICK), facts[:2], subscribed(pay(1, 2))),
        deliver(PostgresLedger(database, CONTEXT, QUICK), facts[2:], subscribed(pay(2, 1))),
    )

    assert sorted(await books.effects()) == sorted((fact.subject, 1) for fact in facts)
    assert await column(database, "SELECT count(*) FROM attempt") == [0]
    assert await books.dead_letters() == []


async def test_a_long_batch_commits_in_parts(database: Database, books: PostgresBookkeeping):
    """Nobody waits for a lock as long as five hundred slow reactions take."""

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        await asyncio.sleep(0.02)
        await books.write(envelope)

    facts = [history(1)[0] for _ in range(20)]
    ledger, subscriptions = PostgresLedger(database, CONTEXT, QUICK), subscribed(on_user_suspended)

    outcomes = await ledger.handle_all(facts, subscriptions)

    assert outcomes is not None
    done = [fact.subject for fact, outcome in zip(facts, outcomes, strict=True) if outcome is DONE]
    assert 1 <= len(done) < 20
    assert [subject for subject, _ in await books.effects()] == done


@pytest.mark.parametrize("length", [1, 3])
async def test_a_connection_lost_in_a_batch_is_no_attempt(database: Database, books: PostgresBookkeeping, length: int):
    """Nothing took effect, and nothing was counted."""

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)
        if envelope.sequence == length:
            await database.writing_connection().execute("SELECT pg_terminate_backend(pg_backend_pid())")

    facts = history(length)
    with pytest.raises(DatabaseAway):
        await PostgresLedger(database, CONTEXT, QUICK).handle_all(facts, subscribed(on_user_suspended))

    assert await books.effects() == []
    await deliver(PostgresLedger(database, CONTEXT, QUICK), facts, subscribed(_writing(books)))
    assert await column(database, "SELECT count(*) FROM attempt") == [0]
    assert [sequence for _, sequence in await books.effects()] == list(range(1, length + 1))


async def test_a_part_that_fails_is_undone_though_its_reaction_goes_on(database: Database, books: PostgresBookkeeping):
    """A batch has no savepoints: what the others did, and what the reaction does after it, still takes effect once."""
    marks: list[int] = []

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        if envelope.sequence == 2:
            with contextlib.suppress(LookupError):
                async with database.begin():
                    await books.write(envelope)
                    raise LookupError
            marks.append(envelope.sequence)
            return
        async with database.begin():
            await books.write(envelope)

    await deliver(PostgresLedger(database, CONTEXT, QUICK), history(3), subscribed(on_user_suspended))

    assert [sequence for _, sequence in await books.effects()] == [1, 3]
    assert marks[-1] == 2
    assert await column(database, "SELECT count(*) FROM inbox") == [3]
    assert await column(database, "SELECT count(*) FROM attempt") == [0]


@pytest.mark.parametrize("own_cause", [False, True])
async def test_a_failure_after_a_part_that_failed_is_held_against_nobody(
    database: Database, books: PostgresBookkeeping, own_cause: bool
):
    """Another reaction sees, in the batch, what the part had written and will never have been."""
    here = PermanentError("somebody was here")

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        if await books.effects():
            raise here from (here if own_cause else None)
        with contextlib.suppress(LookupError):
            async with database.begin():
                await books.write(envelope)
                raise LookupError

    await deliver(PostgresLedger(database, CONTEXT, QUICK), history(3), subscribed(on_user_suspended))

    assert await column(database, "SELECT count(*) FROM dead_letter") == [0]
    assert await column(database, "SELECT count(*) FROM attempt") == [0]
    assert await column(database, "SELECT count(*) FROM inbox") == [3]


@pytest.mark.parametrize("again", [LookupError, PermanentError])
async def test_a_part_whose_failure_leaves_its_reaction_fails_that_reaction_alone(
    database: Database, books: PostgresBookkeeping, again: type[Exception]
):
    """Under its own name or another one; what went before it takes effect."""

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        try:
            async with database.begin():
                await books.write(envelope)
                if envelope.sequence == 2:
                    raise LookupError
        except LookupError as error:
            raise again from error

    outcomes = await PostgresLedger(database, CONTEXT, QUICK).handle_all(history(3), subscribed(on_user_suspended))

    assert outcomes is None or outcomes[0] is DONE
    assert (await books.effects())[0][1] == 1
    attempts = "SELECT attempts FROM attempt UNION ALL SELECT attempts FROM dead_letter"
    assert await column(database, attempts) == [1]


def _writing(books: PostgresBookkeeping) -> Effect:
    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)

    return on_user_suspended
