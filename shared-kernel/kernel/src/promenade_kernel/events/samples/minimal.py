"""The least each event type may say: samples without a single optional field.

What an older release wrote, before a field was added, looks like this; so does an order of a guest.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec

from promenade_kernel.events.order_management import OrderedLine, OrderPlaced
from promenade_kernel.events.registry import Event, wire_type
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.events.samples.story import EUR, HOME, ORDER, ORDER_NUMBER, POT, POT_LINE, moment
from promenade_kernel.values.totals import compute_totals

_CART = compute_totals(EUR, [POT_LINE], tax_inclusive=False, discount=None, shipping=None)
_TOTALS = _CART.lines[0]

# Totals follow from shipping and discounts: an order without them is another order, not this one with fields left out.
_PLACED = OrderPlaced(
    order_id=ORDER,
    number=ORDER_NUMBER,
    placed_at=moment(5, 9),
    payment_deadline=moment(6, 9),
    currency=EUR,
    tax_inclusive=False,
    lines=(
        OrderedLine(
            line_id=POT,
            sku="POT-1",
            name="Tea pot",
            quantity=POT_LINE.quantity,
            unit_price=POT_LINE.unit_price,
            tax_rate=POT_LINE.tax_rate,
            gross=_TOTALS.gross,
            discount_total=_TOTALS.discount,
            net=_TOTALS.net,
            tax=_TOTALS.tax,
            total=_TOTALS.total,
        ),
    ),
    totals=_CART.totals,
    shipping_address=msgspec.structs.replace(HOME, street2=None),
)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _bare(sample: Event) -> Event:
    fields = msgspec.structs.fields(sample)
    return msgspec.structs.replace(sample, **{field.name: _default(field) for field in fields if not field.required})


MINIMAL: Mapping[str, Event] = MappingProxyType(
    {**{wire: _bare(sample) for wire, sample in SAMPLES.items()}, wire_type(_PLACED): _PLACED}
)
"""A sample with nothing optional by its wire type; the same as in `SAMPLES` where a type has no optional field."""


def sparse(value: object) -> Any:
    """Plain data without the fields that have their default: how an older release would have written it."""
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: sparse(getattr(value, field.name))
            for field in msgspec.structs.fields(value)
            if field.required or getattr(value, field.name) != _default(field)
        }
    if isinstance(value, tuple):
        return [sparse(part) for part in cast("tuple[object, ...]", value)]
    return value
