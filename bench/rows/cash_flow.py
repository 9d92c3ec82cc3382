"""The cash flow: from POST place to `confirmed`, all five processes and both engines on this machine."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import nullcontext
from uuid import UUID

import aiohttp
import psycopg
from engines import Rig
from measure import Contender, Goal, Reading, Row, Watch, looped, percentile
from shop import CONFIRMED, Customer, News, Suite, news_of, register, running_suite

CUSTOMERS, AT_ONCE = 10, 50
_COUNT = "SELECT count(*) FROM orders WHERE status = 'confirmed' AND id = ANY(%(ids)s)"


async def _sold(rig: Rig) -> Reading:
    suite = rig.kept("suite", running_suite)
    tokens = await _tokens(rig, suite)
    # A long run shows whether it is sustained.
    orders = rig.size * (6 if rig.long else 1)
    connections = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(suite.url, connector=connections) as session, news_of(suite) as news:
        customers = [Customer(session, token) for token in tokens]
        drafts = await _drafts(customers, orders)
        before = suite.cpu()
        with Watch() as watch:
            took = await _all_confirmed(drafts, news)
        used = suite.cpu() - before
    confirmed = _confirmed(suite, [order_id for _, order_id in drafts])
    assert confirmed == orders, f"{confirmed} of {orders} orders are confirmed"
    return Reading(
        orders / watch.seconds,
        used / orders * 1e6,
        p50=percentile(took, 0.5),
        p99=percentile(took, 0.99),
        facts={"orders": orders, "in flight": AT_ONCE},
    )


async def _tokens(rig: Rig, suite: Suite) -> list[str]:
    known = rig.kept("tokens", lambda: nullcontext(list[str]()))
    if not known:
        known += await asyncio.gather(*(register(suite) for _ in range(CUSTOMERS)))
    return known


async def _drafts(customers: list[Customer], orders: int) -> list[tuple[Customer, UUID]]:
    """So many orders, begun before the clock runs."""
    limit = asyncio.Semaphore(16)

    async def draft(customer: Customer) -> tuple[Customer, UUID]:
        async with limit:
            return customer, await customer.draft()

    return await asyncio.gather(*(draft(customers[number % len(customers)]) for number in range(orders)))


async def _all_confirmed(drafts: list[tuple[Customer, UUID]], news: News) -> list[float]:
    """Milliseconds from the POST to the event that tells of the confirmation, always so many orders on their way."""
    waiting, took = deque(drafts), list[float]()

    async def one_after_the_other() -> None:
        while waiting:
            customer, order_id = waiting.popleft()
            invoice, confirmed = news.expect(order_id)
            began = time.perf_counter()
            await customer.place(order_id)
            await customer.pay(await invoice)
            await confirmed
            took.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
    return took


def _confirmed(suite: Suite, ids: list[UUID]) -> int:
    url = f"postgresql://order_management@127.0.0.1:{suite.port('postgres')}/order_management"
    with psycopg.connect(url) as connection:
        return connection.execute(_COUNT, {"ids": ids}).fetchone()[0]


ROWS = [
    Row(
        "cash-flow",
        f"POST place, invoice, POST payment, {CONFIRMED}; {AT_ONCE} orders on their way, {CUSTOMERS} customers",
        "orders/s",
        Contender(
            "the whole suite through the gateway", looped(_sold, patience=120), least=100, most=1_000, seconds=5.0
        ),
        goals=[Goal("≥ 100/s", "rate", least=100), Goal("p99 ≤ 1 s", "p99", most=1_000)],
    ),
]
