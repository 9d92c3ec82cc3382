"""Nonsense that only a real database could choke on: nothing answers 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
from billing_rooms import INVOICES, PAYMENTS, World, billing_app, path_of, staff_of
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier

TEXTS = [
    *("", "\x00", "\ud800", "\U0001f600" * 1000, "\u202e", "x" * 5000),
    *("'; DROP TABLE invoice; --", "%s %(id)s {}", "\\"),
]
MOMENTS = [
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-29T00:00:00Z", "1969-12-31T23:59:60Z"),
    *("0", "-99999999999", "253402300800", "1e400", "infinity", "-infinity", "now", "2026-03-01T12:00:00.123456789Z"),
]
ODD: list[Any] = [*TEXTS, None, True, 0, -1, 2**63, 2**64, 10**400, 1.5, [], [[]], {}, {"amount": 2**63}]


def encoded(value: Any) -> bytes:
    """JSON, lone surrogates as escapes."""
    return json.dumps(value).encode()


async def statuses(client: httpx.AsyncClient, user: dict[str, str], world: World, user_id: UUID) -> dict[str, int]:
    invoice = await world.place(user_id)
    queries = [
        *(f"{INVOICES}?{name}={quote(text, errors='surrogatepass')}" for name in FILTERS for text in TEXTS),
        *(f"{INVOICES}?{name}={quote(moment)}" for name in ("issued_from", "issued_to") for moment in MOMENTS),
        *(f"{PAYMENTS}?{name}={quote(t, errors='surrogatepass')}" for name in ("status", "invoice_id") for t in TEXTS),
    ]
    found = {query: (await client.get(query, headers=user)).status_code for query in queries}
    headers = {**user, "Content-Type": "application/json"}
    good = {"invoice_id": str(invoice.id), "method": "pm_gold", "amount": {"amount": 1, "currency": "EUR"}}
    for odd in ODD:
        bodies = [{**good, name: odd} for name in good]
        bodies += [{**good, "amount": {**good["amount"], name: odd}} for name in ("amount", "currency")]  # type: ignore[dict-item]
        for body in [odd, *bodies]:
            answer = await client.post(PAYMENTS, content=encoded(body), headers=headers)
            found[f"pay {repr(body)[:200]}"] = answer.status_code
        answer = await client.post(path_of(invoice, "accept"), content=encoded({"reason": odd}), headers=headers)
        found[f"accept {repr(odd)[:200]}"] = answer.status_code
    return found


FILTERS = ("status", "customer_id", "order_id", "overdue", "number", "issued_from", "cursor", "limit")


async def test_nothing_answers_500(real: World, database: Database, verifier: FakeVerifier, user_id: UUID) -> None:
    """Each odd value in each place is refused, or looked for and not found; and the database is as before."""
    async with client_of(billing_app(real.rooms, verifier, PostgresIdempotencyStore(database))) as client:
        found = await statuses(client, staff_of(verifier), real, user_id)

        assert {what: status for what, status in found.items() if status not in (200, 400, 409, 422)} == {}
        assert (await client.get(INVOICES, headers=staff_of(verifier))).json()["items"]
        assert (await client.get(PAYMENTS, headers=staff_of(verifier))).json()["items"] == []
