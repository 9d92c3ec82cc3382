"""Two workers of every service, and any of them, of the relays, of the engines killed at any time."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Generator
from typing import Any

import pytest
from e2e_replicas import Books, Crew, crew_beside, kill
from e2e_stack import Silence, Stack
from promenade_chassis.testing.polling import eventually, stretched
from promenade_local.names import CONTEXTS
from promenade_local.story import tell

STORIES = 30
AT_ONCE = 6
ENGINES = ("postgres", "valkey")


@pytest.fixture
def crew(stack: Stack) -> Generator[Crew, None, None]:
    """A second worker of every service beside the first."""
    with crew_beside(stack) as second:
        for context in CONTEXTS:
            second.launch(context, "work", "second")
        yield second


@pytest.mark.long
async def test_stories_of_two_replicas_end_well_whoever_is_killed(stack: Stack, crew: Crew) -> None:
    """Each order is completed, with one paid invoice and one charge; invoice numbers have no gap; the books agree."""
    door, killing = asyncio.Semaphore(AT_ONCE), asyncio.create_task(_kill_at_random(stack, crew))

    async def one() -> dict[str, Any]:
        async with door:
            return await tell(stack.scene(Silence(), within=stretched(120)))

    orders = await asyncio.gather(*(one() for _ in range(STORIES)))
    killing.cancel()
    await asyncio.wait([killing])
    for context in CONTEXTS:
        crew.launch(context, "work", "second")

    books = Books.of(stack)
    await eventually(books.are_consistent, within=90, every=0.5)
    assert {order["status"] for order in orders} == {"completed"}
    _each_paid_once(books, [order["id"] for order in orders])
    assert killing.cancelled()


@pytest.mark.long
async def test_stories_of_the_one_process_end_well_however_often_it_is_killed(single: Stack) -> None:
    """On the memory bus, whose content dies with it: what the outboxes hold is published again at each start."""
    door, killing = asyncio.Semaphore(AT_ONCE), asyncio.create_task(_kill_the_suite(single))

    async def one() -> dict[str, Any]:
        async with door:
            return await tell(single.scene(Silence(), within=stretched(120)))

    orders = await asyncio.gather(*(one() for _ in range(STORIES // 2)))
    killing.cancel()
    await asyncio.wait([killing])

    books = Books.of(single)
    await eventually(books.are_consistent, within=60, every=0.5)
    assert {order["status"] for order in orders} == {"completed"}
    _each_paid_once(books, [order["id"] for order in orders])
    assert killing.cancelled()


def _each_paid_once(books: Books, orders: list[str]) -> None:
    rows = books.rows(
        "billing",
        """
        SELECT i.order_id::text, i.status, i.number, i.total,
               (SELECT count(*) FROM payment p WHERE p.invoice_id = i.id AND p.status = 'succeeded') AS payments,
               (SELECT sum(amount) FROM payment p WHERE p.invoice_id = i.id AND p.status = 'succeeded') AS paid
        FROM invoice i WHERE deleted_at IS NULL
        """,
    )
    assert sorted(row["order_id"] for row in rows) == sorted(orders)
    assert {(row["status"], row["payments"], row["paid"] - row["total"]) for row in rows} == {("paid", 1, 0)}
    (charges,) = books.rows("billing", "SELECT count(*) AS n FROM simulated_provider.charge")
    assert charges["n"] == len(orders)
    numbers = sorted(int(re.findall(r"\d+", row["number"])[-1]) for row in rows)
    assert numbers == list(range(numbers[0], numbers[0] + len(orders)))
    (placed,) = books.rows("order-management", "SELECT count(*) AS n FROM orders WHERE payment_status = 'paid'")
    assert placed["n"] == len(orders)


async def _kill_at_random(stack: Stack, crew: Crew) -> None:
    """Somebody dies every second or two, seldom an engine; who was started by hand is started again by hand."""
    while True:
        await asyncio.sleep(random.uniform(0.5, 2))
        victim = random.choice([*CONTEXTS, *CONTEXTS, *ENGINES])
        second = crew.running.get(f"{victim}-second")
        if second is not None and random.random() < 0.5:
            second.kill()
            second.wait()
            crew.launch(victim, "work", "second")
            continue
        row = await asyncio.to_thread(stack.alive, victim)
        if row is not None:
            kill(row)


async def _kill_the_suite(stack: Stack) -> None:
    while True:
        await asyncio.sleep(random.uniform(4, 8))
        pid = await asyncio.to_thread(stack.alive, "billing")
        if pid is not None:
            kill(pid)
