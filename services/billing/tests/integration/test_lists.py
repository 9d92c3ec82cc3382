"""The lists of invoices and payments: the contract of all lists."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from billing_orders import NOW, draft, euro, open_invoice
from billing_rooms import World
from promenade_billing.invoice import postgres as invoices
from promenade_billing.invoice.entity import Invoice
from promenade_billing.invoice.repository import INVOICES, InvoiceFilter
from promenade_billing.payment import postgres as payments
from promenade_billing.payment.entity import Payment
from promenade_billing.payment.repository import PAYMENTS, PaymentFilter
from promenade_chassis.testing.list_contract import ListContract, ListRig
from promenade_chassis.testing.plans import unsorted_by_index


def numbered(number: int) -> Invoice:
    """Every third one is a draft, of the others some were issued at the same time."""
    if number % 3 == 0:
        return draft()
    invoice = open_invoice(number=number)
    invoice.issued_at = NOW + timedelta(seconds=number % 2)
    invoice.due_at = NOW + timedelta(days=30, seconds=number % 5)
    return invoice


class TestInvoices(ListContract):
    """GET /invoices"""

    @pytest.fixture
    def list_rig(self, either: World) -> ListRig:
        room = either.rooms.invoice

        async def add_one(number: int) -> UUID:
            invoice = numbered(number)
            invoice.created_at = NOW + timedelta(microseconds=number // 4)
            async with room.unit_of_work.begin():
                await room.invoices.add(invoice)
            return invoice.id

        async def remove(invoice_id: UUID) -> None:
            async with room.unit_of_work.begin():
                invoice = await room.invoices.get(invoice_id)
                invoice.deleted_at = NOW
                await room.invoices.save(invoice)

        return ListRig(INVOICES, lambda page: room.invoices.list(InvoiceFilter(), page), add_one, remove)


class TestPayments(ListContract):
    """GET /payments"""

    @pytest.fixture
    async def list_rig(self, either: World) -> ListRig:
        room, invoice = either.rooms.payment, await either.place()

        async def add_one(number: int) -> UUID:
            payment = Payment(
                number=f"PAY-2026-{number:06d}",
                invoice_id=invoice.id,
                amount=euro(1),
                refunded_amount=euro(0),
                method="pm_ok",
                provider="simulated",
                due_at=NOW,
                created_at=NOW + timedelta(microseconds=number // 4),
            )
            async with room.unit_of_work.begin():
                await room.payments.add(payment)
            return payment.id

        async def remove(payment_id: UUID) -> None:
            async with room.unit_of_work.begin():
                payment = await room.payments.get(payment_id)
                payment.deleted_at = NOW
                await room.payments.save(payment)

        return ListRig(PAYMENTS, lambda page: room.payments.list(PaymentFilter(), page), add_one, remove)


def test_an_index_has_every_sort_ready(database_url: str) -> None:
    """No page of the lists of everybody's is sorted when it is asked for, however long they are."""
    values = {"created_at": NOW, "issued_at": NOW, "due_at": NOW}

    assert unsorted_by_index(database_url, invoices.LIST, InvoiceFilter(), values) == set()
    assert unsorted_by_index(database_url, payments.LIST, PaymentFilter(), values) == set()
