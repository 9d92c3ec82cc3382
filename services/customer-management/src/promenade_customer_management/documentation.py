"""What the specification adds to the routes: what each tag is about, and examples of one customer."""

from __future__ import annotations

from promenade_chassis.http.openapi_examples import Documentation

_CUSTOMER = {
    "name": "Ada Lovelace",
    "user_status": "active",
    "lifecycle": "customer",
    "disqualified_reason": None,
    "churn_reason": None,
    "tier": "basic",
    "source": "registration",
    "tags": ["wholesale"],
    "allowed_actions": ["churn"],
}
_MADE_BY_HAND = {
    "user_id": None,
    "user_status": "none",
    "lifecycle": "lead",
    "source": "manual",
    "allowed_actions": ["qualify", "disqualify", "convert"],
}

DOCUMENTATION = Documentation(
    tags={
        "customers": "Whom we sell to, from the first lead on.",
        "lifecycle": "How far the relation has come; each command is possible in some states only.",
        "timeline": "What happened with a customer, across all contexts.",
    },
    examples={
        "CreateCustomer": {"name": "Ada Lovelace", "tier": "basic"},
        "ChangeCustomer": {"name": "Ada Lovelace", "tags": ["wholesale"]},
        "SetTier": {"tier": "pro"},
        "Because": {"reason": "Went to a competitor"},
        "CustomerResource": _CUSTOMER,
        "CreatedCustomer": {**_CUSTOMER, **_MADE_BY_HAND, "possible_duplicates": []},
        "TimelineEntryResource": {
            "kind": "order.completed",
            "summary": "Order ORD-2026-000042 completed",
            "data": {"order_id": "019a3f6e-5c1b-74b3-9a7f-ccdfa42ccbb2"},
            "actor": "019a3f6e-5c1b-7bb3-99c2-9981fd745f18",
            "cause": "019a3f6e-5c1b-7156-8cbf-e4e912b4fe77",
        },
    },
)
