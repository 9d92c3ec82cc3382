"""What a context shows of itself to Prometheus."""

import asyncio
import time

import pytest_asyncio
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.events.bus import Subscriptions
from promenade_chassis.events.gauges import gauges_of
from promenade_chassis.events.lookout import Lookout
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.ports import NotYet, PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, PostgresBookkeeping, history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.operator_rig import OperatedConsumer
from promenade_chassis.testing.polling import stretched
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs


@pytest_asyncio.fixture
async def consumer(books: PostgresBookkeeping) -> OperatedConsumer:
    """A consumer with a real ledger."""
    return OperatedConsumer(books)


async def test_gauges_are_what_the_lookout_saw_last(consumer: OperatedConsumer, link: RedisLink, redis_url: str):
    """Depth, dead letters, what is stuck, stream and groups; scraping touches neither PostgreSQL nor Redis."""
    registry = CollectorRegistry()
    await record(consumer.books.database, history(2))
    consumer.trouble = lambda envelope: PermanentError("no")
    await consumer.deliver(history(1)[0])
    await link.call("XADD", "promenade.billing", "*", "e", history(1)[0].encode())
    await link.call("XGROUP", "CREATE", "promenade.billing", "orders", "$")
    lookout = Lookout(consumer.books.database, consumer.subscriptions, gauges_of(registry), RedisLink(redis_url))
    labels = {"context": CONTEXT}

    await lookout.look()

    assert registry.get_sample_value("promenade_outbox_depth", labels) == 2
    assert registry.get_sample_value("promenade_outbox_oldest_seconds", labels) is not None
    assert registry.get_sample_value("promenade_dead_letters_open", labels) == 1
    assert registry.get_sample_value("promenade_events_stuck", {**labels, "waits_for": "reaction"}) == 0
    stream = {**labels, "stream": "promenade.billing"}
    assert registry.get_sample_value("promenade_stream_length", stream) == 1
    group = {**stream, "group": "orders"}
    assert registry.get_sample_value("promenade_stream_lag", group) == 0
    assert registry.get_sample_value("promenade_stream_pending", group) == 0
    await lookout.close()
    assert registry.get_sample_value("promenade_outbox_depth", labels) is None


async def test_what_is_stuck_for_more_than_an_hour_is_counted_and_said_once(
    consumer: OperatedConsumer, link: RedisLink, redis_url: str
):
    """A reaction that waits for what does not come, and a subject whose next event is missing; said once in a while."""
    registry, facts, waiting = CollectorRegistry(), history(3), history(1)[0]
    await consumer.deliver(facts[0])
    consumer.trouble = lambda envelope: NotYet("its customer")
    await consumer.books.ledger.handle(waiting, consumer.subscriptions.of(waiting.type))
    async with consumer.connection() as connection:
        await connection.execute("UPDATE attempt SET first_at = now() - interval '61 minutes'")
    two_hours_ago = f"{int((time.time() - 7200) * 1000)}-0"
    await link.call("XADD", "promenade.identity", two_hours_ago, "e", facts[2].encode())
    await link.call("XGROUP", "CREATE", "promenade.identity", CONTEXT, "0")
    await link.call("XREADGROUP", "GROUP", CONTEXT, "one", "STREAMS", "promenade.identity", ">")
    lookout = Lookout(consumer.books.database, consumer.subscriptions, gauges_of(registry), RedisLink(redis_url))

    with capture_logs() as said:
        await lookout.look()
        await lookout.look()
    stuck = [
        registry.get_sample_value("promenade_events_stuck", {"context": CONTEXT, "waits_for": cause})
        for cause in ("reaction", "earlier-event")
    ]
    await lookout.close()

    assert stuck == [1, 1]
    assert [line["event"] for line in said] == ["events.stuck", "subject.stuck"]
    assert (said[0]["event_id"], said[0]["error"]) == (str(waiting.id), "NotYet")
    assert (said[1]["subject"], said[1]["missing"], said[1]["waiting"]) == (str(facts[0].subject), 2, 3)


async def test_a_scrape_neither_fails_nor_waits_while_postgresql_is_away():
    """What was never seen is left out, at once."""
    registry = CollectorRegistry()
    away = Database(DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nowhere", acquire_timeout_seconds=60))
    await away.open()
    gauges_of(registry)
    lookout = Lookout(away, Subscriptions(CONTEXT), gauges_of(registry), None)
    looking = asyncio.create_task(lookout.look())

    began = time.monotonic()
    samples = [sample for metric in registry.collect() for sample in metric.samples]

    assert time.monotonic() - began < stretched(10)
    assert samples == []
    looking.cancel()  # it would wait for its minute
    await asyncio.gather(looking, return_exceptions=True)
    await away.close()
