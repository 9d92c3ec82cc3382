"""Who and what the samples tell of."""

from datetime import UTC, datetime
from uuid import UUID

from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency, Money, Percent, Rate
from promenade_kernel.values.totals import CartLine, Discount, Shipping, compute_totals


def _id(number: int) -> UUID:
    return UUID(f"01980000-0000-7000-8000-{number:012x}")


def moment(day: int, hour: int) -> datetime:
    """A time in the story's month."""
    return datetime(2026, 1, day, hour, tzinfo=UTC)


USER, ATTEMPT, CONTACT, CUSTOMER, ORDER, DEAL = (_id(number) for number in range(1, 7))
INVOICE, PAYMENT, FULFILLMENT, TEA, POT = (_id(number) for number in range(7, 12))
PROFILE = _id(12)

NAME = "Ada Lovelace"
EMAIL = Email("ada@example.com")
PHONE = "+4915112345678"
HOME = Address(street="Unter den Linden 1", street2="Hinterhaus", city="Berlin", postal_code="10117", country="DE")
OFFICE = Address(street="1 Main Street", city="Springfield", region="IL", postal_code="62701", country="US")

EUR = Currency("EUR")
NOTHING = Money.zero(EUR)
TEA_LINE = CartLine(
    quantity=2, unit_price=Money(1250, EUR), tax_rate=Rate("0.07"), discount=Discount(percent=Percent("10"))
)
POT_LINE = CartLine(quantity=1, unit_price=Money(3999, EUR), tax_rate=Rate("0.19"))
SHIPPING = Shipping(name="Standard", price=Money(490, EUR), tax_rate=Rate("0.19"))
DISCOUNT = Discount(amount=Money(500, EUR))
CART = compute_totals(EUR, [TEA_LINE, POT_LINE], tax_inclusive=False, discount=DISCOUNT, shipping=SHIPPING)
TOTAL = CART.totals.total

ORDER_NUMBER = "ORD-2026-000001"
INVOICE_NUMBER = "INV-2026-000001"
PAYMENT_NUMBER = "PAY-2026-000001"
