"""Numbers without gaps, over real connections."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from billing_orders import order_placed
from billing_rooms import World
from promenade_billing.invoice.use_cases import accept_invoice, invoice_order
from promenade_chassis.database import Database
from promenade_chassis.ports import InvalidTransition, Principal
from promenade_kernel.values.ids import new_id

STAFF = Principal(id=new_id(), permissions=frozenset({"invoices:finalize"}))


async def numbers(database: Database) -> list[str]:
    async with database.reading_connection() as connection:
        cursor = await connection.execute("SELECT number FROM invoice WHERE number IS NOT NULL ORDER BY number")
        return [row["number"] for row in await cursor.fetchall()]


def first(count: int, year: int = 2026) -> list[str]:
    return [f"INV-{year}-{number:06d}" for number in range(1, count + 1)]


async def test_five_hundred_in_parallel_are_numbered_without_gap(real: World, database: Database) -> None:
    """Finalized over ten connections at once: 1 to 500, each once."""

    async def finalize(count: int) -> None:
        for _ in range(count):
            await invoice_order(order_placed(), room=real.rooms.invoice)

    await asyncio.gather(*(finalize(50) for _ in range(10)))

    assert await numbers(database) == first(500)


async def test_what_fails_gives_its_number_back(real: World, database: Database) -> None:
    """Every third is rolled back after it had taken its number: the others leave no hole."""

    async def finalize(fails: bool) -> None:
        async with database.begin():
            await invoice_order(order_placed(), room=real.rooms.invoice)
            if fails:
                raise LookupError

    results = await asyncio.gather(*(finalize(number % 3 == 0) for number in range(30)), return_exceptions=True)

    assert [type(result) for result in results].count(LookupError) == 10
    assert await numbers(database) == first(20)


async def test_a_savepoint_gives_its_number_back(real: World, database: Database) -> None:
    """Also when what is around it commits."""
    async with database.begin():
        try:
            async with database.begin():
                await invoice_order(order_placed(), room=real.rooms.invoice)
                raise LookupError
        except LookupError:
            pass
    await real.place()

    assert await numbers(database) == first(1)


async def test_one_order_in_parallel_makes_one_invoice_and_no_gap(real: World, database: Database) -> None:
    """Told of twice at the same time, the second waits for the first, is refused and gives its number back."""
    order = order_placed()

    await asyncio.gather(*(invoice_order(order, room=real.rooms.invoice) for _ in range(8)), return_exceptions=True)
    await real.place()

    assert await numbers(database) == first(2)


async def test_a_refused_accept_gives_its_number_back(real: World, database: Database) -> None:
    """What is open already is not accepted, and costs nothing."""
    invoice = await real.place()

    with pytest.raises(InvalidTransition):
        await accept_invoice(invoice.id, expected_version=None, principal=STAFF, room=real.rooms.invoice)
    await real.place()

    assert await numbers(database) == first(2)


async def test_parallel_accepts_take_one_number(real: World, database: Database) -> None:
    """The row's lock lets one in; the others find it accepted."""
    invoice = await real.place_miscounted()

    results = await asyncio.gather(
        *(
            accept_invoice(invoice.id, expected_version=None, principal=STAFF, room=real.rooms.invoice)
            for _ in range(5)
        ),
        return_exceptions=True,
    )

    assert [type(result) for result in results].count(InvalidTransition) == 4
    assert await numbers(database) == first(1)


async def test_each_year_of_the_seller_begins_at_one(real: World, database: Database) -> None:
    """The year is that of Vienna, where it begins an hour before it does in UTC."""
    for moment in (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), datetime(2026, 12, 31, 23, 0, tzinfo=UTC)):
        real.clock.moment = moment
        await real.place()

    assert await numbers(database) == [*first(1, 2026), *first(1, 2027)]


async def test_the_millionth_number_is_longer(real: World, database: Database) -> None:
    """Six digits are the least, not the most."""
    async with database.begin():
        await database.writing_connection().execute(
            "INSERT INTO number_series (series, year, last) VALUES ('INV', 2026, 999999)"
        )

    assert (await real.place()).number == "INV-2026-1000000"
