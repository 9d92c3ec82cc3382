"""The routes of invoices, with fakes behind them: what each answers when all is well."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from billing_orders import euro, order_placed, tea
from billing_rooms import INVOICES, World, path_of
from promenade_kernel.events.billing import InvoiceFinalized, InvoiceRejected, InvoiceVoided
from promenade_kernel.values.money import Percent, Rate
from promenade_kernel.values.totals import Discount, Shipping

MEMBERS = {
    *("id", "version", "created_at", "updated_at", "number", "status", "allowed_actions", "order_id", "order_number"),
    *("customer_id", "user_id", "customer", "seller", "currency", "tax_inclusive", "lines", "shipping", "totals"),
    *("total", "amount_paid", "amount_credited", "amount_refunded", "amount_due", "amount_processing"),
    *("issued_at", "due_at", "paid_at", "voided_at", "void_reason", "overdue"),
}


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


async def ids(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **query: Any) -> list[str]:
    answer = await client.get(INVOICES, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_an_order_makes_its_invoice(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """The whole resource: number, lines, totals, both parties, dates, and what is due."""
    invoice = await world.place(user_id)

    answer = await client.get(path_of(invoice))

    shown = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    assert shown.keys() == MEMBERS
    assert (shown["number"], shown["status"], shown["allowed_actions"]) == ("INV-2026-000001", "open", ["void"])
    assert (shown["order_id"], shown["user_id"]) == (str(invoice.order_id), str(user_id))
    assert (shown["customer"]["name"], shown["seller"]["name"]) == ("Ada Lovelace", "Tea House")
    assert (shown["issued_at"], shown["due_at"]) == ("2026-03-01T12:00:00Z", "2026-03-15T12:00:00Z")
    assert (shown["total"], shown["amount_due"], shown["amount_processing"]) == (eur(3000), eur(3000), eur(0))
    assert (shown["amount_paid"], shown["amount_credited"], shown["overdue"]) == (eur(0), eur(0), False)
    assert shown["totals"] == {
        "subtotal": eur(2500),
        "discount": eur(0),
        "shipping": eur(0),
        "tax": eur(500),
        "total": eur(3000),
        "taxes": [{"rate": "0.20", "base": eur(2500), "tax": eur(500)}],
    }


async def test_lines_discounts_and_shipping_are_shown(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """A line says what it was computed from and what it came to; shipping stands beside the lines."""
    order = order_placed(
        tea(discount=Discount(percent=Percent("10"))),
        discount=Discount(amount=euro(50)),
        shipping=Shipping(name="Post", price=euro(490), tax_rate=Rate("0.10")),
        user_id=user_id,
    )
    invoice = await world.invoice_of(order)

    shown = (await client.get(path_of(invoice))).json()

    (line,) = shown["lines"]
    assert {key: line[key] for key in line.keys() - {"id"}} == {
        "order_line_id": str(order.lines[0].line_id),
        "sku": "TEA-0",
        "description": "Tea 0",
        "quantity": 2,
        "unit_price": eur(1250),
        "discount": {"percent": "10"},
        "tax_rate": "0.20",
        "gross": eur(2500),
        "discount_total": eur(300),
        "net": eur(2200),
        "tax": eur(440),
        "total": eur(2640),
    }
    assert shown["shipping"] == {
        "name": "Post",
        "price": eur(490),
        "tax_rate": "0.10",
        "net": eur(490),
        "tax": eur(49),
        "total": eur(539),
    }
    assert shown["total"] == eur(3179)


async def test_the_same_order_again_changes_nothing(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """An order makes exactly one invoice, however often it is told of."""
    order = order_placed(user_id=user_id)

    first, second = await world.invoice_of(order), await world.invoice_of(order)

    assert first == second
    assert await ids(client) == [str(first.id)]
    assert (await world.place()).number == "INV-2026-000002"


async def test_an_order_with_a_wrong_total_is_held(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """It has no number and cannot be paid; orders is told which total billing computes."""
    invoice = await world.place_miscounted(user_id)

    shown = (await client.get(path_of(invoice))).json()

    assert (shown["status"], shown["number"], shown["issued_at"]) == ("held", None, None)
    assert (shown["allowed_actions"], shown["total"]) == (["accept"], eur(3000))
    (event,) = world.rooms.invoice.unit_of_work.events  # type: ignore[attr-defined]
    assert isinstance(event, InvoiceRejected)
    assert (event.order_total, event.total, event.reason) == (euro(3001), euro(3000), "totals-differ")


async def test_staff_accept_a_held_invoice(client: httpx.AsyncClient, world: World, staff: dict[str, str]) -> None:
    """It is issued with the total its lines make, under the next number."""
    invoice = await world.place_miscounted()

    answer = await client.post(path_of(invoice, "accept"), headers=staff)

    shown = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert (shown["status"], shown["number"], shown["total"]) == ("open", "INV-2026-000001", eur(3000))
    assert isinstance(world.rooms.invoice.unit_of_work.events[-1], InvoiceFinalized)  # type: ignore[attr-defined]


async def test_staff_void_an_open_invoice(client: httpx.AsyncClient, world: World, staff: dict[str, str]) -> None:
    """Nothing is due any more, and the reason is kept and told."""
    invoice = await world.place()

    answer = await client.post(path_of(invoice, "void"), json={"reason": "ordered twice"}, headers=staff)

    shown = answer.json()
    assert (answer.status_code, shown["status"], shown["amount_due"]) == (200, "void", eur(0))
    assert (shown["void_reason"], shown["allowed_actions"]) == ("ordered twice", [])
    event = world.rooms.invoice.unit_of_work.events[-1]  # type: ignore[attr-defined]
    assert isinstance(event, InvoiceVoided)
    assert event.reason == "ordered twice"


async def test_a_user_sees_his_own_staff_see_all(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """Newest first."""
    mine, theirs, also_mine = [await world.place(owner) for owner in (user_id, uuid4(), user_id)]

    assert await ids(client) == [str(also_mine.id), str(mine.id)]
    assert await ids(client, staff) == [str(invoice.id) for invoice in (also_mine, theirs, mine)]


async def test_an_invoice_belongs_to_the_user_behind_the_customer(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """An order for a customer is the invoice of his user, also when the two are linked afterwards."""
    customer_id = await world.customer_appears(None)
    invoice = await world.invoice_of(order_placed(user_id=None, customer_id=customer_id))
    assert await ids(client) == []

    await world.customer_appears(user_id, customer_id, sequence=2)

    assert await ids(client) == [str(invoice.id)]
    assert (await client.get(path_of(invoice))).json()["user_id"] == str(user_id)


async def test_a_customer_who_appears_later_is_found(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """An order that knew only its user is the customer's as soon as he is known."""
    invoice = await world.place(user_id)

    customer_id = await world.customer_appears(user_id)

    assert await ids(client, staff, customer_id=str(customer_id)) == [str(invoice.id)]
    assert (await client.get(path_of(invoice))).json()["customer_id"] == str(customer_id)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param({"status": "held"}, [1], id="status"),
        pytest.param({"status": "draft"}, [], id="a status nobody has"),
        pytest.param({"number": "INV-2026-000002"}, [2], id="number"),
        pytest.param({"overdue": "false"}, [0, 1, 2], id="not overdue"),
        pytest.param({"overdue": "true"}, [], id="overdue"),
        pytest.param({"issued_from": "2026-03-02T12:00:00Z"}, [2], id="from, inclusive"),
        pytest.param({"issued_to": "2026-03-02T12:00:00Z"}, [0], id="to, exclusive"),
        pytest.param({"issued_from": "2026-03-01T13:00:00+01:00"}, [0, 2], id="another offset"),
        pytest.param({"issued_from": "2026-03-01T12:00:00Z", "issued_to": "2026-03-01T12:00:01Z"}, [0], id="both"),
    ],
)
async def test_filters(
    client: httpx.AsyncClient, world: World, staff: dict[str, str], query: dict[str, str], found: list[int]
) -> None:
    """Each filter shows what it names, and nothing else."""
    first, held = await world.place(), await world.place_miscounted()
    world.clock.advance(days=1)
    invoices = [first, held, await world.place()]

    assert await ids(client, staff, **query) == [str(invoices[index].id) for index in reversed(found)]


async def test_of_an_order_and_of_a_customer(client: httpx.AsyncClient, world: World, staff: dict[str, str]) -> None:
    """Filters by id."""
    customer_id = uuid4()
    first, second = await world.place(), await world.place(customer_id=customer_id)

    assert await ids(client, staff, order_id=str(first.order_id)) == [str(first.id)]
    assert await ids(client, staff, customer_id=str(customer_id)) == [str(second.id)]


async def test_pages_follow_each_other(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """A cursor and a Link lead to the next page, which keeps the filters; the last has neither."""
    invoices = [await world.place(user_id) for _ in range(3)]

    first = await client.get(INVOICES, params={"limit": 2, "status": "open"})
    second = await client.get(first.headers["link"].partition(">")[0].removeprefix("<"))

    pages = [[item["id"] for item in answer.json()["items"]] for answer in (first, second)]
    assert pages == [[str(invoices[2].id), str(invoices[1].id)], [str(invoices[0].id)]]
    assert "status=open" in first.headers["link"]
    assert (second.json()["next_cursor"], second.headers.get("link")) == (None, None)
