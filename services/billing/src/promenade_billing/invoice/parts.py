"""What an invoice consists of: who sells, who buys, and the lines. Frozen with the invoice."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Money, Rate
from promenade_kernel.values.totals import Discount


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """Who sells, as it stands on the invoice."""

    name: str
    address: Address
    email: Email | None = None
    tax_id: str | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the seller has laid down: his time zone, which decides the year of a number, and how long may be paid."""

    timezone: str = "UTC"
    payment_days: int = 14

    def year_of(self, moment: datetime) -> int:
        """The seller's calendar year."""
        return moment.astimezone(ZoneInfo(self.timezone)).year

    def due_at(self, issued_at: datetime) -> datetime:
        """Until when an invoice of this moment is to be paid."""
        return issued_at + timedelta(days=self.payment_days)


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """Who buys, as he was called when the invoice was made."""

    name: str | None = None
    email: Email | None = None
    address: Address | None = None


class InvoiceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line. `discount` is its own; `discount_total` is that and its share of the discount on the whole.

    `net` is after all discounts and without tax; total = net + tax.
    """

    id: UUID
    description: str
    quantity: int
    unit_price: Money
    discount: Discount | None
    tax_rate: Rate
    gross: Money
    discount_total: Money
    net: Money
    tax: Money
    total: Money
    sku: str | None = None
    order_line_id: UUID | None = None


class InvoiceShipping(msgspec.Struct, frozen=True, kw_only=True):
    """How the goods travel: `price` is what was asked, net + tax = total what it comes to."""

    name: str
    price: Money
    tax_rate: Rate
    net: Money
    tax: Money
    total: Money
