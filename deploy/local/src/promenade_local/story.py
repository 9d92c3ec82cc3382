"""The story, from registration to a delivered order: each step is taken through the gateway and verified.

`promenade demo` tells it on a terminal, the end-to-end tests run it in every topology.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from uuid import uuid4

import httpx

from promenade_local.errors import StackError

AWAY = {502, 503, 504}
Json = dict[str, Any]
ReadCode = Callable[[str], Awaitable[str | None]]


class StoryFailed(StackError):
    """A step did not end as it should."""


class Listener(Protocol):
    """Who is told the story."""

    def request(self, method: str, path: str, status: int, seconds: float) -> None: ...
    def verified(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the story takes place: the gateway, who can fulfil orders, and where mails arrive."""

    url: str
    admin_email: str
    admin_password: str
    read_code: ReadCode
    listener: Listener
    within: float = 30.0


@dataclass(slots=True)
class Door:
    """A client of the gateway that waits while a service is away; its POSTs repeat with one Idempotency-Key."""

    http: httpx.AsyncClient
    listener: Listener
    within: float
    token: str | None = None
    repeated: bool = field(default=False, init=False)

    async def call(self, method: str, path: str, body: Json | None = None, *, expect: int) -> Json:
        """Call until there is an answer; raises `StoryFailed` unless it has the expected status."""
        answer = await self._answer(method, f"/api/v1{path}", body)
        if answer.status_code != expect:
            raise StoryFailed(f"{method} {path} answered {answer.status_code}, not {expect}: {answer.text[:500]}")
        return answer.json() if answer.content else {}

    async def status(self, method: str, path: str, body: Json | None = None) -> int:
        """The status of an answer, whatever it is."""
        return (await self._answer(method, f"/api/v1{path}", body)).status_code

    async def until(self, path: str, done: Callable[[Json], bool], what: str) -> Json:
        """Read again and again until the answer is as it should be: the services agree with a delay."""
        deadline = time.monotonic() + self.within
        found: Json = {}
        while time.monotonic() < deadline:
            answer = await self._answer("GET", f"/api/v1{path}", None)
            found = answer.json()
            if answer.status_code == HTTPStatus.OK and done(found):
                return found
            await asyncio.sleep(0.05)
        raise StoryFailed(f"{what} did not happen within {self.within:.0f} s; the last answer was {str(found)[:500]}")

    async def _answer(self, method: str, path: str, body: Json | None) -> httpx.Response:
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        deadline = time.monotonic() + self.within
        self.repeated = False
        while True:
            answer = await self._once(method, path, body, headers)
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                raise StoryFailed(f"{method} {path} got no answer within {self.within:.0f} s")
            self.repeated = True
            await asyncio.sleep(0.1)

    async def _once(self, method: str, path: str, body: Json | None, headers: dict[str, str]) -> httpx.Response | None:
        began = time.perf_counter()
        try:
            answer = await self.http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None
        self.listener.request(method, path, answer.status_code, time.perf_counter() - began)
        in_flight = answer.status_code == HTTPStatus.CONFLICT and "key-in-flight" in answer.text
        return None if answer.status_code in AWAY or in_flight else answer


async def tell(scene: Scene) -> Json:
    """Tell the whole story; answers the completed order. Raises `StoryFailed` at the first step that is not right."""
    async with httpx.AsyncClient(base_url=scene.url, timeout=20) as http:
        user = Door(http, scene.listener, scene.within)
        staff = Door(http, scene.listener, scene.within)
        account = await _register(user, scene)
        await _meet_customer(user, account, scene)
        order = await _order(user, scene)
        await _pay(user, order, scene)
        await _fulfil(user, staff, order, scene)
        completed = await _end(user, order, scene)
        await _leave(user, account, scene)
        return completed


async def _register(user: Door, scene: Scene) -> Json:
    email, password = f"ada.{uuid4().hex[:12]}@example.com", f"correct horse {uuid4().hex[:12]}"
    account = {"email": email, "password": password}
    await user.call("POST", "/identity/auth/register", {**account, "display_name": "Ada Lovelace"}, expect=202)
    code = await _code(scene, email)
    scene.listener.verified(f"registered {email}; the mail brought the code")

    status = await user.status("POST", "/identity/auth/verify-email", {"email": email, "code": code})
    # An answer that was lost on its way had its effect all the same: then the login shows it.
    _require(status == HTTPStatus.OK or user.repeated, f"verify-email answered {status}")
    tokens = await user.call("POST", "/identity/auth/login", account, expect=200)
    old = {"refresh_token": tokens["refresh_token"]}
    tokens = await user.call("POST", "/identity/auth/refresh", old, expect=200)
    user.token = tokens["access_token"]
    me = await user.call("GET", "/identity/me", expect=200)
    _require(me["user"]["status"] == "active" and me["user"]["email"] == email, f"/me shows {me}")
    scene.listener.verified("verified, signed in, token refreshed")
    return {"email": email, "id": me["user"]["id"], "refresh_token": tokens["refresh_token"]}


async def _code(scene: Scene, email: str) -> str:
    deadline = time.monotonic() + scene.within
    while time.monotonic() < deadline:
        text = await scene.read_code(email)
        found = re.search(r"\b\d{6}\b", text) if text else None
        if found:
            return found[0]
        await asyncio.sleep(0.05)
    raise StoryFailed(f"no mail with a code for {email} within {scene.within:.0f} s")


async def _meet_customer(user: Door, account: Json, scene: Scene) -> None:
    customer = await user.until(
        "/customer-management/me", lambda found: found.get("user_id") == account["id"], "the customer"
    )
    _require(customer["lifecycle"] == "lead", f"the new customer is {customer['lifecycle']}, not a lead")
    scene.listener.verified("a customer appeared, because user.registered was published: a lead")


async def _order(user: Door, scene: Scene) -> Json:
    address = {"street": "Linke Wienzeile 12", "city": "Vienna", "postal_code": "1060", "country": "AT"}
    body = {
        "currency": "EUR",
        "lines": [
            _line("TEA-1", "Darjeeling, first flush", 2, 1250, "0.20"),
            _line("POT-7", "Teapot, 0.7 l", 1, 3490, "0.20"),
        ],
        "shipping": {"name": "Parcel", "price": _euro(490), "tax_rate": "0.20"},
        "shipping_address": address,
        "billing_address": address,
    }
    draft = await user.call("POST", "/order-management/orders", body, expect=201)
    # 2 × 12.50 + 34.90 + 4.90 shipping = 64.80, and 20 % of it: 12.96.
    _require(draft["totals"]["total"] == _euro(7776), f"the totals are {draft['totals']}")
    placed = await user.call("POST", f"/order-management/orders/{draft['id']}/place", expect=200)
    _require(placed["status"] == "placed", f"the order is {placed['status']}")
    scene.listener.verified(f"order {placed['number']} placed over 77.76 EUR")
    return placed


async def _pay(user: Door, order: Json, scene: Scene) -> None:
    found = await user.until(
        f"/billing/invoices?order_id={order['id']}", lambda page: len(page["items"]) == 1, "the invoice"
    )
    invoice = found["items"][0]
    _require(
        invoice["status"] == "open" and invoice["totals"]["total"] == order["totals"]["total"],
        f"the invoice is {invoice['status']} over {invoice['totals']}",
    )
    scene.listener.verified(f"invoice {invoice['number']} appeared, because order.placed was published")

    body = {"invoice_id": invoice["id"], "method": "pm_ok"}
    payment = await user.call("POST", "/billing/payments", body, expect=201)
    await user.until(f"/billing/payments/{payment['id']}", lambda p: p["status"] == "succeeded", "the payment")
    paid = await user.until(f"/billing/invoices/{invoice['id']}", lambda i: i["status"] == "paid", "the paid invoice")
    _require(paid["amount_due"] == _euro(0), f"{paid['amount_due']} is still due")
    await user.until(
        f"/order-management/orders/{order['id']}", lambda o: o["status"] == "confirmed", "the confirmation"
    )
    scene.listener.verified("paid, and the order confirmed, because invoice.paid was published")


async def _fulfil(user: Door, staff: Door, order: Json, scene: Scene) -> None:
    body = {"email": scene.admin_email, "password": scene.admin_password}
    staff.token = (await staff.call("POST", "/identity/auth/login", body, expect=200))["access_token"]
    lines = {"lines": [{"line_id": line["id"], "quantity": line["quantity"]} for line in order["lines"]]}
    made = await staff.call("POST", f"/order-management/orders/{order['id']}/fulfillments", lines, expect=201)
    at = f"/order-management/fulfillments/{made['id']}"
    sent = {"carrier": "Austrian Post", "tracking_number": "1Z999"}
    shipped = await staff.call("POST", f"{at}/ship", sent, expect=200)
    _require(shipped["status"] == "shipped", f"the fulfilment is {shipped['status']}")
    delivered = await staff.call("POST", f"{at}/deliver", expect=200)
    _require(delivered["status"] == "delivered", f"the fulfilment is {delivered['status']}")
    scene.listener.verified("shipped and delivered by the superadmin")


async def _end(user: Door, order: Json, scene: Scene) -> Json:
    completed = await user.until(
        f"/order-management/orders/{order['id']}", lambda o: o["status"] == "completed", "the completed order"
    )
    _require(completed["fulfillment_status"] == "delivered", f"fulfilment is {completed['fulfillment_status']}")
    _require(completed["payment_status"] == "paid", f"payment is {completed['payment_status']}")
    await user.until("/customer-management/me", lambda c: c.get("lifecycle") == "customer", "the customer's lifecycle")
    scene.listener.verified(f"order {completed['number']} is delivered and completed; the lead became a customer")
    return completed


async def _leave(user: Door, account: Json, scene: Scene) -> None:
    status = await user.status("POST", "/identity/auth/logout")
    # Said again after a lost answer, the token of the ended session is refused: it worked.
    _require(status == HTTPStatus.NO_CONTENT or user.repeated, f"logout answered {status}")
    status = await user.status("GET", "/identity/me")
    _require(status == HTTPStatus.UNAUTHORIZED, f"after the logout /me answers {status}")
    user.token = None
    status = await user.status("POST", "/identity/auth/refresh", {"refresh_token": account["refresh_token"]})
    _require(status == HTTPStatus.UNAUTHORIZED, f"after the logout refresh answers {status}")
    scene.listener.verified("signed out: the access token and the refresh token are refused at once")


def _line(sku: str, name: str, quantity: int, price: int, rate: str) -> Json:
    return {"sku": sku, "name": name, "quantity": quantity, "unit_price": _euro(price), "tax_rate": rate}


def _euro(cents: int) -> Json:
    return {"amount": cents, "currency": "EUR"}


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StoryFailed(otherwise)
