"""What the specification adds to the routes: what each tag is about, and examples of one order of two teas."""

from __future__ import annotations

from typing import Any

from promenade_chassis.http.openapi_examples import Documentation


def _euro(cents: int) -> dict[str, Any]:
    return {"amount": cents, "currency": "EUR"}


_LINE = {
    "sku": "TEA-1",
    "name": "Darjeeling, first flush",
    "quantity": 2,
    "unit_price": _euro(1250),
    "tax_rate": "0.20",
    "discount": None,
}
_SHIPPING = {"name": "Parcel", "price": _euro(490), "tax_rate": "0.20"}

DOCUMENTATION = Documentation(
    tags={
        "orders": "From the first draft to the completed order: lines, prices, placing, holding, and what happened.",
        "fulfillments": "What is packed, shipped and delivered of an order.",
    },
    examples={
        "LineBody": _LINE,
        "ChangeLine": {"quantity": 3},
        "ShippingBody": _SHIPPING,
        "CreateOrder": {"customer_id": None, "discount": None, "note": "Please ring twice"},
        "ChangeOrder": {"discount": {"percent": "10"}, "note": "Please ring twice"},
        "Hold": {"reason": "The address looks wrong"},
        "HoldResource": {"reason": "The address looks wrong"},
        "UnitsOfLine": {"quantity": 2},
        "Ship": {"carrier": "Austrian Post", "tracking_number": "1Z999AA10123456784", "tracking_url": None},
        "LineResource": {
            **_LINE,
            "gross": _euro(2500),
            "discount_total": _euro(0),
            "net": _euro(2500),
            "tax": _euro(500),
            "total": _euro(3000),
            "open": 2,
            "allocated": 0,
            "shipped": 0,
            "delivered": 0,
            "returned": 0,
            "cancelled": 0,
        },
        "ShippingResource": {**_SHIPPING, "net": _euro(490), "tax": _euro(98), "total": _euro(588)},
        "TaxLine": {"rate": "0.20", "base": _euro(2990), "tax": _euro(598)},
        "Totals": {
            "subtotal": _euro(2500),
            "discount": _euro(0),
            "shipping": _euro(490),
            "tax": _euro(598),
            "total": _euro(3588),
        },
        "OrderResource": {
            "number": "ORD-2026-000042",
            "status": "placed",
            "payment_status": "unpaid",
            "fulfillment_status": "none",
            "return_status": "none",
            "allowed_actions": ["hold"],
            "on_hold": None,
            "customer_name": "Ada Lovelace",
            "deal_id": None,
            "price_source": "client",
            "discount": None,
            "note": "Please ring twice",
            "invoice_number": "INV-2026-000042",
            "amount_paid": _euro(0),
            "amount_refunded": _euro(0),
            "payment_deadline": "2026-03-15T09:26:53Z",
            "confirmed_at": None,
            "completed_at": None,
        },
        "EntryResource": {
            "kind": "order.placed",
            "actor": "019a3f6e-5c1b-7bb3-99c2-9981fd745f18",
            "cause": "019a3f6e-5c1b-7156-8cbf-e4e912b4fe77",
            "correlation_id": "019a3f6e-5c1b-7156-8cbf-e4e912b4fe77",
            "facts": {"number": "ORD-2026-000042", "total": "35.88 EUR"},
        },
        "ShippedLine": {"sku": "TEA-1", "name": "Darjeeling, first flush", "quantity": 2},
        "FulfillmentResource": {
            "status": "shipped",
            "allowed_actions": ["deliver", "fail", "lose"],
            "carrier": "Austrian Post",
            "tracking_number": "1Z999AA10123456784",
            "tracking_url": None,
            "failure": None,
            "delivered_at": None,
        },
        "ProcessResource": {"order_status": "placed"},
        "StepResource": {"name": "order.placed", "status": "done", "error": None},
    },
    problem_members={
        "missing": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What the order still needs; with `order-incomplete`.",
        },
        "open": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "How many units of each line, by its id, are open; with `not-enough-open`.",
        },
    },
)
