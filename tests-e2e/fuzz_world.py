"""What the fuzzer meets: people with tokens, and ids of things that exist, so that it gets further than a 404."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from e2e_stack import Stack
from promenade_chassis.testing.polling import eventually_blocking

API = "/api/v1"
# After these a token counts no more.
ENDING = frozenset({"logout", "logout_all", "end_session", "change_password"})


@dataclass
class Caller:
    """Somebody with an account; `token` is renewed by signing in."""

    http: httpx.Client
    email: str
    password: str
    token: str = field(default="", init=False)

    def sign_in(self) -> None:
        body = {"email": self.email, "password": self.password}
        answer = self.http.post("/identity/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def get(self, path: str) -> Any:
        return self.http.get(path, headers=self.headers).json()

    def post(self, path: str, body: Mapping[str, Any], expect: int) -> Any:
        answer = self.http.post(path, json=body, headers=self.headers)
        assert answer.status_code == expect, answer.text
        return answer.json()


@dataclass(frozen=True)
class World:
    """`ids` has, for the name of a path parameter, what it could stand for, and one that there is not; in turn."""

    url: str
    callers: Mapping[str, Caller | None]
    ids: Mapping[str, Iterator[str]]

    def headers(self, who: str) -> dict[str, str]:
        caller = self.callers[who]
        return caller.headers if caller else {}

    def renew(self, who: str, status: int) -> None:
        """Sign in again after a 401: somebody has signed out."""
        caller = self.callers[who]
        if status == 401 and caller is not None:
            caller.sign_in()


def client_of(stack: Stack) -> httpx.Client:
    return httpx.Client(base_url=f"{stack.url}{API}", timeout=20)


def register(stack: Stack) -> Caller:
    """A new user whose address is proved and who is signed in."""
    caller = Caller(client_of(stack), f"eve.{uuid4().hex[:12]}@example.com", f"correct horse {uuid4().hex[:12]}")
    account = {"email": caller.email, "password": caller.password}
    caller.post("/identity/auth/register", account, 202)

    def code() -> str:
        found = re.search(r"\b\d{6}\b", asyncio.run(stack.read_code(caller.email)) or "")
        assert found
        return found[0]

    caller.post("/identity/auth/verify-email", {"email": caller.email, "code": eventually_blocking(code)}, 200)
    caller.sign_in()
    eventually_blocking(lambda: caller.get("/customer-management/me")["version"])
    return caller


def furnish(staff: Caller, user: Caller, subject: Caller) -> dict[str, Iterator[str]]:
    """Drafts of both, and the ids of all that the story left; `subject` is whom staff may suspend or delete."""
    for who in (staff, user):
        for _ in range(3):
            who.post("/order-management/orders", {"currency": "EUR", "lines": [_LINE]}, 201)
        who.post("/identity/contacts", {"type": "email", "email": f"{uuid4().hex[:12]}@example.com"}, 201)
    role = f"fuzzed-{uuid4().hex[:12]}"
    staff.post("/identity/roles", {"name": role, "permissions": ["orders:read"]}, 201)
    orders = staff.get("/order-management/orders?limit=100")["items"]
    fulfillments = [staff.get(f"/order-management/orders/{order['id']}/fulfillments")["items"] for order in orders]
    contacts = staff.get("/identity/contacts?limit=100")["items"]
    found = {
        "order_id": _ids(orders),
        "line_id": [line["id"] for order in orders for line in order["lines"]],
        "fulfillment_id": _ids(itertools.chain(*fulfillments)),
        "customer_id": _ids(staff.get("/customer-management/customers?limit=100")["items"]),
        "invoice_id": _ids(staff.get("/billing/invoices?limit=100")["items"]),
        "payment_id": _ids(staff.get("/billing/payments?limit=100")["items"]),
        "contact_id": _ids(contacts),
        "user_id": _subjects(staff, subject),
        "tag": ["wholesale"],
        "session_id": _ids(user.get("/identity/auth/sessions")["items"]),
    }
    by_id = {name: itertools.cycle([*ids, str(uuid4())]) for name, ids in found.items()}
    return {**by_id, "name": itertools.cycle([role, f"no-{role}"])}


def _subjects(staff: Caller, subject: Caller) -> list[str]:
    """One who shows his profile and one who was invited; nobody signs in as them, whatever becomes of them."""
    shown = subject.http.patch("/identity/profiles/me", json={"is_public": True}, headers=subject.headers)
    assert shown.status_code == 200, shown.text
    invitation = {"email": f"{uuid4().hex[:12]}@example.com", "roles": ["user"]}
    return [shown.json()["user_id"], staff.post("/identity/users", invitation, 201)["id"]]


_LINE = {
    "sku": "TEA-1",
    "name": "Tea",
    "quantity": 2,
    "unit_price": {"amount": 1999, "currency": "EUR"},
    "tax_rate": "0.19",
}


def _ids(rows: Any) -> list[str]:
    return [row["id"] for row in rows]
