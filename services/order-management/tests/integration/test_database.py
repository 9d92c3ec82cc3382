"""What the database itself refuses, whoever writes into it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from order_rooms import create, place
from promenade_chassis.database import Database
from psycopg.errors import CheckViolation, RaiseException, UniqueViolation


async def run(database: Database, statement: Any) -> None:
    async with database.begin():
        await database.writing_connection().execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "total = total + 1",
        "tax = tax + 1, total = total + 1",
        "lines_net = lines_net + 1, total = total + 1",
        "subtotal = subtotal + 1",
        "shipping_net = 1, total = total + 1",
        "discount_total = subtotal + 1",
        "status = 'paid'",
        "payment_status = 'given'",
        "number = NULL",
        "number = 'ORD-1'",
        "shipping_address = NULL",
        "status = 'confirmed'",
        "completed_at = now()",
        "amount_paid = 1",
        "user_id = NULL, customer_id = NULL",
        "currency = 'euro'",
    ],
)
async def test_an_order_that_cannot_be(client: httpx.AsyncClient, database: Database, change: str) -> None:
    """Totals that do not add up, placed orders without what they need, half an invoice."""
    await place(client)

    with pytest.raises(CheckViolation):
        await run(database, f"UPDATE orders SET {change}")


@pytest.mark.parametrize(
    "change",
    [
        "open = open - 1",
        "open = open + 1",
        "open = -1, allocated = quantity + 1",
        "delivered = 1",
        "open = open - 1, shipped = 1, delivered = 1, returned = 2",
        "quantity = quantity + 1",
        "net = net + 1",
        "total = total + 1",
        "unit_price = unit_price + 1",
        "discount_total = gross + 1",
    ],
)
async def test_a_line_that_cannot_be(client: httpx.AsyncClient, database: Database, change: str) -> None:
    """Units that do not make the quantity, more delivered than shipped, totals that do not add up."""
    await create(client)

    with pytest.raises(CheckViolation):
        await run(database, f"UPDATE order_line SET {change}")


async def test_units_may_move(client: httpx.AsyncClient, database: Database) -> None:
    """The constraints leave room for what happens."""
    await create(client)

    await run(database, "UPDATE order_line SET open = 0, shipped = quantity, delivered = 1, returned = 1")


async def test_lines_and_totals_are_compared_at_commit(client: httpx.AsyncClient, database: Database) -> None:
    """An order whose sums changed must have lines that make them when the transaction ends, not before."""
    await create(client)
    twice = "UPDATE orders SET " + _doubled("subtotal", "lines_net", "lines_tax", "tax", "total")
    lines = "UPDATE order_line SET " + _doubled("quantity", "open", "gross", "net", "tax", "total")

    with pytest.raises(CheckViolation):
        await run(database, twice)
    async with database.begin():
        await database.writing_connection().execute(twice)
        await database.writing_connection().execute(lines)


async def test_two_orders_cannot_share_a_number(client: httpx.AsyncClient, database: Database) -> None:
    """Not even by a mistake in the code."""
    await place(client)
    await place(client)

    with pytest.raises(UniqueViolation):
        await run(database, "UPDATE orders SET number = 'ORD-2026-000009'")


@pytest.mark.parametrize("statement", ["UPDATE timeline_entry SET kind = 'x'", "DELETE FROM timeline_entry"])
async def test_the_timeline_stays(client: httpx.AsyncClient, database: Database, statement: str) -> None:
    """What was written down is neither changed nor removed."""
    await create(client)

    with pytest.raises(RaiseException, match="append-only"):
        await run(database, statement)


def _doubled(*columns: str) -> str:
    return ", ".join(f"{column} = 2 * {column}" for column in columns)
