"""What the port `Invoices` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from billing_orders import NOW, draft, euro, miscounted, open_invoice, order_placed, tea
from billing_rooms import World
from promenade_billing.invoice.entity import Invoice, InvoiceExists, InvoiceStatus
from promenade_billing.invoice.repository import InvoiceFilter
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.ports import NotFound, PageRequest, Place, StaleVersion
from promenade_kernel.events.order_management import OrderPlaced
from promenade_kernel.values.money import Currency, Money, Percent, Rate
from promenade_kernel.values.totals import CartLine, Discount, Shipping


async def add(world: World, invoice: Invoice) -> Invoice:
    async with world.rooms.invoice.unit_of_work.begin():
        await world.rooms.invoice.invoices.add(invoice)
    return invoice


async def save(world: World, invoice: Invoice) -> None:
    async with world.rooms.invoice.unit_of_work.begin():
        await world.rooms.invoice.invoices.save(invoice)


async def ids(world: World, wanted: InvoiceFilter, page: PageRequest | None = None) -> list[UUID]:
    found = await world.rooms.invoice.invoices.list(wanted, page or PageRequest())
    return [invoice.id for invoice in found.items]


def elaborate() -> OrderPlaced:
    """Everything an order can have: discounts of each kind, rates, shipping, inclusive prices."""
    return order_placed(
        tea(discount=Discount(percent=Percent("12.5"))),
        tea(price=999, quantity=7, rate="0.04", discount=Discount(amount=euro(1))),
        tea(price=0, rate="0"),
        tax_inclusive=True,
        discount=Discount(percent=Percent("3")),
        shipping=Shipping(name="שליח", price=euro(490), tax_rate=Rate("0.20")),
        customer_id=uuid4(),
    )


@pytest.mark.parametrize("order", [order_placed(), elaborate()], ids=["plain", "elaborate"])
async def test_an_invoice_is_read_as_it_was_stored(either: World, order: OrderPlaced) -> None:
    """Every field survives the store: lines in order, money to the cent, times to the microsecond."""
    invoice = await add(either, open_invoice(order))

    read = await either.invoice(invoice)

    assert read == invoice
    assert (read.version, read.last_sequence) == (1, 1)
    assert type(read.currency) is Currency
    assert type(read.lines[0].tax_rate) is Rate


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
async def test_amounts_of_any_currency_are_kept(either: World, currency: str) -> None:
    """Minor units as they are, near the limit, with no or three digits."""
    line = CartLine(quantity=1, unit_price=Money.of(10**14, currency), tax_rate=Rate("0.1"))

    invoice = await add(either, open_invoice(order_placed(line)))

    assert (await either.invoice(invoice)).total == Money.of(11 * 10**13, currency)


async def test_every_change_is_kept(either: World) -> None:
    """What is paid, reserved and told; who belongs together; that it was voided and why."""
    invoice = await add(either, open_invoice())
    invoice.capture(invoice.reserve(euro(1000)))
    invoice.reserve(euro(500))
    invoice.tell()
    invoice.customer_id = uuid4()
    await save(either, invoice)
    assert await either.invoice(invoice) == invoice

    other = await add(either, open_invoice(number=2))
    other.void("ordered twice", NOW)
    await save(either, other)
    assert await either.invoice(other) == other


async def test_an_order_has_one_invoice(either: World) -> None:
    """The second is refused by the store, whatever was read before; without an order there may be many."""
    order = order_placed()
    first = await add(either, draft(order))

    with pytest.raises(InvoiceExists):
        await add(either, draft(order))

    assert await either.rooms.invoice.invoices.find_of_order(order.order_id) == first
    assert await either.rooms.invoice.invoices.find_of_order(uuid4()) is None


async def test_a_stale_version_loses(either: World) -> None:
    """Of two that read the same version the second to write is refused, and nothing of it is stored."""
    invoice = await add(either, open_invoice())
    first, second = await either.invoice(invoice), await either.invoice(invoice)
    first.reserve(euro(1))
    await save(either, first)

    second.reserve(euro(2))
    with pytest.raises(StaleVersion):
        await save(either, second)

    assert (await either.invoice(invoice)).amount_processing == euro(1)


async def test_what_is_not_there(either: World) -> None:
    """Neither read nor locked; a deleted draft is not there any more."""
    invoices, gone = either.rooms.invoice.invoices, await add(either, draft())
    gone.deleted_at = NOW
    await save(either, gone)

    for missing in (uuid4(), gone.id):
        with pytest.raises(NotFound):
            await invoices.get(missing)
        with pytest.raises(NotFound):
            async with either.rooms.invoice.unit_of_work.begin():
                await invoices.lock(missing)
    assert await ids(either, InvoiceFilter()) == []


async def test_writes_need_a_unit_of_work(either: World) -> None:
    """A lock without a transaction would hold nothing."""
    invoice = await add(either, open_invoice())

    with pytest.raises(TransactionMisuse):
        await either.rooms.invoice.invoices.add(draft())
    with pytest.raises(TransactionMisuse):
        await either.rooms.invoice.invoices.save(invoice)
    with pytest.raises(TransactionMisuse):
        await either.rooms.invoice.invoices.lock(invoice.id)
    with pytest.raises(TransactionMisuse):
        await either.rooms.invoice.numbers.take("INV", 2026)


async def test_lists_show_what_is_wanted(either: World) -> None:
    """Each filter alone, and all of them together."""
    early = await either.place()
    held = await either.invoice_of(miscounted(order_placed()))
    either.clock.advance(hours=1)
    late = await either.place(customer_id=uuid4())
    now = either.clock.now()
    everything = [late.id, held.id, early.id]

    assert await ids(either, InvoiceFilter()) == everything
    assert await ids(either, InvoiceFilter(status=InvoiceStatus.HELD)) == [held.id]
    assert await ids(either, InvoiceFilter(user_id=late.user_id)) == [late.id]
    assert await ids(either, InvoiceFilter(customer_id=late.customer_id)) == [late.id]
    assert await ids(either, InvoiceFilter(order_id=early.order_id)) == [early.id]
    assert await ids(either, InvoiceFilter(number=late.number)) == [late.id]
    assert await ids(either, InvoiceFilter(overdue=True)) == []
    assert await ids(either, InvoiceFilter(overdue=False)) == everything
    assert await ids(either, InvoiceFilter(issued_from=now)) == [late.id]
    assert await ids(either, InvoiceFilter(issued_to=now)) == [early.id]
    assert await ids(either, InvoiceFilter(issued_from=now - timedelta(hours=1), issued_to=now)) == [early.id]
    both = InvoiceFilter(user_id=early.user_id, status=InvoiceStatus.OPEN, issued_to=now, overdue=False)
    assert await ids(either, both) == [early.id]
    assert await ids(either, InvoiceFilter(user_id=early.user_id, number=late.number)) == []


async def test_pages_are_cut_by_id(either: World) -> None:
    """Going on after the last row of a page shows the next ones, each once."""
    invoices = [await add(either, open_invoice(number=number)) for number in range(5)]
    newest_first = [invoice.id for invoice in reversed(invoices)]

    first = await either.rooms.invoice.invoices.list(InvoiceFilter(), PageRequest(limit=2))
    await add(either, open_invoice(number=9))
    rest = await ids(either, InvoiceFilter(), PageRequest(limit=3, after=first.next_after))

    assert [invoice.id for invoice in first.items] + rest == newest_first
    last = await either.rooms.invoice.invoices.list(InvoiceFilter(), PageRequest(limit=2, after=Place(newest_first[2])))
    assert last.next_after is None


async def test_who_belongs_together_is_learnt_later(either: World) -> None:
    """The copy of the customer completes what the order did not say, in one invoice and in lists, both ways."""
    user_id, customer_id = uuid4(), uuid4()
    of_user = await either.invoice_of(order_placed(user_id=user_id))
    of_customer = await either.invoice_of(order_placed(user_id=None, customer_id=customer_id))
    strangers = await either.place()
    assert await ids(either, InvoiceFilter(user_id=user_id)) == [of_user.id]

    await either.customer_appears(user_id, customer_id)

    mine = [of_customer.id, of_user.id]
    assert await ids(either, InvoiceFilter(user_id=user_id)) == mine
    assert await ids(either, InvoiceFilter(customer_id=customer_id)) == mine
    for invoice in (of_user, of_customer):
        read = await either.invoice(invoice)
        assert (read.user_id, read.customer_id) == (user_id, customer_id)
        await save(either, read)
        assert await either.invoice(invoice) == read
    assert (await either.invoice(strangers)).customer_id is None
