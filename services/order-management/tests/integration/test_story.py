"""The cash flow, on PostgreSQL and with the service's own worker."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
from order_story import tell_the_story
from order_world import World
from promenade_chassis.config import AuthSettings, DatabaseSettings, HttpSettings, RedisSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.service import run
from promenade_chassis.testing.polling import eventually
from promenade_kernel.events.envelope import Envelope, stream_of
from promenade_kernel.events.order_management import OrderCompleted, OrderPlaced
from promenade_order_management.bootstrap import build
from redis.asyncio import Redis


async def envelopes(database: Database) -> list[Envelope]:
    async with database.reading_connection() as connection:
        found = await (await connection.execute("SELECT envelope FROM outbox ORDER BY seq")).fetchall()
    return [Envelope.decode(bytes(row["envelope"])) for row in found]


async def test_the_story_leaves_its_events_in_the_outbox(
    client: httpx.AsyncClient, staff: dict[str, str], world: World, user_id: UUID, database: Database
) -> None:
    """Each fact once, in order, numbered per subject, with its actor, and readable as its schema says."""
    order = await tell_the_story(client, staff, world, user_id)

    found = await envelopes(database)
    assert [envelope.type for envelope in found] == [
        "order.created.v1",
        "order.placed.v1",
        "order.confirmed.v1",
        "fulfillment.shipped.v1",
        "fulfillment.delivered.v1",
        "order.completed.v1",
    ]
    of_order = [envelope for envelope in found if str(envelope.subject) == order["id"]]
    assert [envelope.sequence for envelope in of_order] == [1, 2, 3, 4]
    placed, completed = of_order[1].open(), of_order[3].open()
    assert isinstance(placed, OrderPlaced)
    assert isinstance(completed, OrderCompleted)
    assert (placed.number, str(placed.customer_id)) == (order["number"], order["customer_id"])
    assert of_order[1].actor == str(user_id)
    assert completed.total == placed.totals.total


async def test_the_service_works(database_url: str, redis_url: str, client: httpx.AsyncClient) -> None:
    """Built as in production it becomes ready, publishes what was recorded, and stops when told."""
    settings = Settings(
        profile="test",
        auth=AuthSettings(issuer="https://promenade.example.com", jwks_url=""),
        http=HttpSettings(port=0, shutdown_seconds=5),
        database=DatabaseSettings(url=database_url),
        redis=RedisSettings(url=redis_url),
        extra={"orders": {"trust_client_prices": True, "payment_deadline_hours": 48}},
    )
    await client.post("/api/v1/order-management/orders", json={"currency": "EUR"})
    service, stopping = build(settings), asyncio.Event()
    task = asyncio.create_task(run([service], stopping=stopping))
    redis: Any = Redis.from_url(redis_url)

    async def is_published() -> None:
        assert (await service.readiness.report())["ready"]
        assert await redis.xlen(stream_of("order-management")) == 1

    await eventually(is_published, within=10)
    stopping.set()
    await task
    await redis.aclose()
