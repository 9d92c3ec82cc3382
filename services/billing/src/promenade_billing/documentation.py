"""What the specification adds to the routes: what each tag is about, and examples of one invoice over two teas."""

from __future__ import annotations

from typing import Any

from promenade_chassis.http.openapi_examples import Documentation


def _euro(cents: int) -> dict[str, Any]:
    return {"amount": cents, "currency": "EUR"}


DOCUMENTATION = Documentation(
    tags={
        "invoices": "What is owed. Invoices come from placed orders; what of them is paid comes from payments.",
        "payments": "Money on its way, through a payment provider.",
    },
    examples={
        "Void": {"reason": "Invoiced twice"},
        "CreatePayment": {"method": "pm_ok", "amount": None},
        "Buyer": {"name": "Ada Lovelace"},
        "Seller": {"name": "Promenade Trading", "email": "billing@example.com", "tax_id": "ATU12345678"},
        "InvoiceLine": {
            "description": "Darjeeling, first flush",
            "quantity": 2,
            "unit_price": _euro(1250),
            "discount": None,
            "tax_rate": "0.20",
            "gross": _euro(2500),
            "discount_total": _euro(0),
            "net": _euro(2500),
            "tax": _euro(500),
            "total": _euro(3000),
            "sku": "TEA-1",
        },
        "InvoiceShipping": {
            "name": "Parcel",
            "price": _euro(490),
            "tax_rate": "0.20",
            "net": _euro(490),
            "tax": _euro(98),
            "total": _euro(588),
        },
        "TaxLine": {"rate": "0.20", "base": _euro(2990), "tax": _euro(598)},
        "Totals": {
            "subtotal": _euro(2500),
            "discount": _euro(0),
            "shipping": _euro(490),
            "tax": _euro(598),
            "total": _euro(3588),
        },
        "InvoiceResource": {
            "number": "INV-2026-000042",
            "status": "open",
            "allowed_actions": ["void"],
            "order_number": "ORD-2026-000042",
            "total": _euro(3588),
            "amount_paid": _euro(0),
            "amount_credited": _euro(0),
            "amount_refunded": _euro(0),
            "amount_due": _euro(3588),
            "amount_processing": _euro(0),
            "due_at": "2026-03-28T23:00:00Z",
            "paid_at": None,
            "voided_at": None,
            "void_reason": None,
        },
        "PaymentResource": {
            "number": "PAY-2026-000042",
            "status": "succeeded",
            "allowed_actions": [],
            "amount": _euro(3588),
            "refunded_amount": _euro(0),
            "method": "pm_ok",
            "provider": "simulated",
            "provider_ref": "sim_019a3f6e5c1b7a869a3f253ee7e08825",
            "failure": None,
        },
        "FailureShown": {"code": "card-declined", "retryable": True},
    },
)
