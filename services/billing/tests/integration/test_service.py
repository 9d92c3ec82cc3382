"""The whole service, built as in production, between its bus, its database and its clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from billing_orders import miscounted, order_placed
from billing_rooms import INVOICES, PAYMENTS
from billing_tokens import Tokens
from promenade_billing.bootstrap import build
from promenade_chassis.config import (
    BusSettings,
    DatabaseSettings,
    HttpSettings,
    RedisSettings,
    Settings,
)
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.service import Service, run
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.events import sealed
from promenade_chassis.testing.polling import eventually
from promenade_kernel.events.customer_management import CustomerCreated
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.order_management import OrderPlaced


@dataclass
class Running:
    """The service at work, the bus the others publish on, and a client."""

    service: Service
    bus: MemoryBus
    client: httpx.AsyncClient
    tokens: Tokens

    async def hear(self, envelope: Envelope) -> None:
        """Something happened elsewhere; back when billing has settled it."""
        await (await self.bus.publish([envelope]))

    async def invoice_of(self, order: OrderPlaced) -> dict[str, Any]:
        """Billing hears of an order; answers what its buyer sees of the invoice."""
        await self.hear(sealed(order, subject=order.order_id))
        assert order.user_id is not None
        self.client.headers.update(self.tokens.headers_of(order.user_id))
        (invoice,) = (await self.client.get(INVOICES, params={"order_id": str(order.order_id)})).json()["items"]
        return invoice

    async def facts(self) -> list[Envelope]:
        """All that billing has published, in order."""
        async with self.service.database.reading_connection() as connection:
            cursor = await connection.execute("SELECT envelope, published_at FROM outbox ORDER BY seq")
            rows = await cursor.fetchall()
        assert all(row["published_at"] for row in rows)
        return [Envelope.decode(row["envelope"]) for row in rows]


@pytest.fixture
async def running(database_url: str, redis_url: str, tmp_path: Path) -> AsyncGenerator[Running, None]:
    tokens, bus, stopping = Tokens(tmp_path), MemoryBus(), asyncio.Event()
    settings = Settings(
        profile="test",
        auth=tokens.settings,
        http=HttpSettings(port=0, shutdown_seconds=5),
        database=DatabaseSettings(url=database_url, check_connections=False),
        redis=RedisSettings(url=redis_url),
        bus=BusSettings(adapter="memory"),
    )
    service = build(settings)
    at_work = asyncio.create_task(run([service], serve=False, memory=bus, stopping=stopping))

    async def is_ready() -> None:
        assert (await service.readiness.report())["ready"]

    await eventually(is_ready, within=10)
    async with client_of(service.app) as client:
        yield Running(service, bus, client, tokens)
    stopping.set()
    await at_work


async def test_from_the_order_to_the_paid_invoice(running: Running) -> None:
    """order.placed makes the invoice, the POST starts the payment, the worker settles it, and all is published."""
    order = order_placed()
    invoice = await running.invoice_of(order)

    answer = await running.client.post(PAYMENTS, json={"invoice_id": invoice["id"], "method": "pm_ok"})

    assert (answer.status_code, answer.json()["status"]) == (201, "processing")

    async def is_paid() -> None:
        assert (await running.client.get(f"{INVOICES}/{invoice['id']}")).json()["status"] == "paid"
        assert [fact.type for fact in await running.facts()] == [
            *("invoice.finalized.v1", "payment.succeeded.v1", "invoice.paid.v1")
        ]

    await eventually(is_paid)
    finalized, succeeded, paid = [fact.open() for fact in await running.facts()]
    assert {fact.order_id for fact in (finalized, succeeded, paid)} == {order.order_id}  # type: ignore[attr-defined]


async def test_what_is_heard_twice_happens_once(running: Running) -> None:
    """The same event again, the same order in a second event, and news of customers out of order."""
    order = order_placed()
    invoice = await running.invoice_of(order)

    await running.hear(sealed(order, subject=order.order_id))
    await running.hear(sealed(order, subject=order.order_id, sequence=2))

    again = (await running.client.get(INVOICES)).json()["items"]
    assert [item["id"] for item in again] == [invoice["id"]]


async def test_a_customer_becomes_the_owner(running: Running) -> None:
    """customer.created tells whose the customer's invoices are."""
    user_id, customer_id = uuid4(), uuid4()
    order = order_placed(user_id=user_id)
    event = CustomerCreated(customer_id=customer_id, name="Ada", status="active", lifecycle="lead", user_id=user_id)

    await running.hear(sealed(event, subject=customer_id))

    assert (await running.invoice_of(order))["customer_id"] == str(customer_id)


async def test_an_order_nobody_can_compute_stops_nothing(running: Running) -> None:
    """A wrong total holds its invoice; the next order is invoiced as ever."""
    held, fine = await running.invoice_of(miscounted(order_placed())), await running.invoice_of(order_placed())

    assert (held["status"], held["number"]) == ("held", None)
    assert (fine["status"], fine["number"][-6:]) == ("open", "000001")


async def test_tokens_are_verified(running: Running) -> None:
    """A token that another key has signed is none."""
    answer = await running.client.get(INVOICES, headers={"Authorization": "Bearer e30.e30.x"})

    assert answer.status_code == 401
