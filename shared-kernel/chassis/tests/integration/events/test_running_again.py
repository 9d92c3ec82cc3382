"""Running a reaction again to what it has handled, as an operator asks for it, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio
from promenade_chassis.database import Connection
from promenade_chassis.events.operator.again import handled_by, run_again
from promenade_chassis.events.operator.lookup import Wanted, events_between, last_events
from promenade_chassis.events.operator.records import RecordedEvent
from promenade_chassis.testing.bus_rig import PostgresBookkeeping, history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.operator_rig import REACTION, OperatedConsumer


@pytest_asyncio.fixture
async def consumer(books: PostgresBookkeeping) -> OperatedConsumer:
    """A consumer with a real ledger."""
    return OperatedConsumer(books)


async def test_a_reaction_can_be_run_again_to_what_it_has_handled(consumer: OperatedConsumer):
    """Once more each, in order; what it never handled is not touched; asked for twice before it ran, once."""
    facts = history(3)
    await record(consumer.books.database, facts)
    for fact in facts[:2]:
        await consumer.deliver(fact)

    async with consumer.connection() as connection:
        events = await last_events(connection, "identity", Wanted(), limit=10)
        assert await handled_by(connection, REACTION, events) == 2
        assert await run_again(connection, REACTION, events) == 2
        assert await run_again(connection, REACTION, events) == 0
    await consumer.redeliver()

    assert await consumer.sequences(facts[0].subject) == [1, 2, 1, 2]


@pytest.mark.parametrize("page_size", [1, 10])
@pytest.mark.parametrize("wanted", ["user.suspended", "user.suspended.v2"])
async def test_a_fact_in_several_forms_runs_again_once_in_its_oldest(
    consumer: OperatedConsumer, page_size: int, wanted: str
):
    """The reaction reads only `.v1`; whichever form was asked for, and though they are on two pages."""
    (older,) = history(1)
    older = msgspec.structs.replace(older, forms="2,1")
    newer = msgspec.structs.replace(older, type="user.suspended.v2")
    await record(consumer.books.database, [newer, older])
    await consumer.deliver(older)

    counted = ordered = after = 0
    async with consumer.connection() as connection:
        while page := await _page(connection, wanted, after, page_size):
            counted += await handled_by(connection, REACTION, page)
            ordered += await run_again(connection, REACTION, page)
            after = page[-1].seq
    await consumer.redeliver()

    assert (counted, ordered) == (1, 1)
    assert await consumer.rows("SELECT * FROM dead_letter") == []
    assert await consumer.sequences(older.subject) == [1, 1]


async def _page(connection: Connection, wanted: str, after: int, limit: int) -> list[RecordedEvent]:
    now = datetime.now(UTC)
    bounds = {"since": now - timedelta(minutes=1), "until": now + timedelta(minutes=1)}
    return await events_between(connection, "identity", Wanted(type=wanted), after=after, limit=limit, **bounds)
