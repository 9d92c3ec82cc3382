"""The documentation page, as somebody uses it who has never seen the API.

Run by `just test-browser` only. Without a browser these tests fail rather than skip: who asks for them wants to know.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from e2e_browser import Docs
from e2e_stack import Stack
from playwright.sync_api import Page, Route, expect
from promenade_chassis.testing.polling import stretched
from promenade_local.mails import read_mails

SERVICES = ["Identity", "Customers", "Orders", "Billing", "Gateway"]
DARK = {"color_scheme": "dark"}
NARROW = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
ADDRESS = {"street": "Linke Wienzeile 12", "city": "Vienna", "postal_code": "1060", "country": "AT"}
ORDER = {
    "currency": "EUR",
    "lines": [
        {
            "sku": "TEA-1",
            "name": "Darjeeling, first flush",
            "quantity": 2,
            "unit_price": {"amount": 1250, "currency": "EUR"},
            "tax_rate": "0.20",
        }
    ],
    "shipping_address": ADDRESS,
    "billing_address": ADDRESS,
}


@dataclass(frozen=True)
class Account:
    """What somebody signs in with."""

    email: str
    password: str


def a_stranger() -> Account:
    return Account(f"ada.{uuid4().hex[:12]}@example.com", f"correct horse {uuid4().hex[:12]}")


@pytest.fixture
def account(stack: Stack) -> Account:
    """Of a user who has verified his address."""
    made = a_stranger()
    with httpx.Client(base_url=f"{stack.url}/api/v1/identity/auth") as http:
        assert http.post("/register", json={"email": made.email, "password": made.password}).status_code == 202
        code = code_for(stack, made.email)
        assert http.post("/verify-email", json={"email": made.email, "code": code}).status_code == 200
    return made


def code_for(stack: Stack, email: str) -> str:
    """The code that the mail brought."""
    for _ in until():
        found = [mail for mail in read_mails(stack.home / "mail") if email in mail.to]
        if found:
            return re.findall(r"\b\d{6}\b", found[-1].text)[0]
    raise AssertionError(f"no mail to {email}")


def until() -> Iterator[None]:
    """Tries, a tenth of a second apart, until the deadline."""
    deadline = time.monotonic() + stretched(20)
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def signed_in(docs: Docs, account: Account) -> None:
    docs.sign_in(account.email, account.password)
    expect(docs.page.get_by_text(f"Signed in as {account.email}")).to_be_visible()


def test_a_stranger_places_an_order_and_sees_it_confirmed(docs: Docs, stack: Stack) -> None:
    """Registration, sign-in, order and payment, every call tried on the page itself."""
    stranger = a_stranger()
    docs.open("/")
    credentials = {"email": stranger.email, "password": stranger.password}
    assert docs.choose("Identity", "Register", "register").try_it(credentials)[0] == 202
    proof = {"email": stranger.email, "code": code_for(stack, stranger.email)}
    assert docs.choose("Identity", "Prove the address with its code", "verify_email").try_it(proof)[0] == 200
    signed_in(docs, stranger)

    status, draft = docs.choose("Orders", "Begin an order", "create_order").try_it(ORDER)
    assert (status, draft["status"]) == (201, "draft")
    status, placed = docs.choose("Orders", "Place an order", "place_order").try_it(order_id=draft["id"])
    assert (status, placed["status"]) == (200, "placed")
    invoices = docs.choose("Billing", "List invoices", "list_invoices")
    invoice = next(page["items"][0] for _ in until() if (page := invoices.try_it(order_id=draft["id"])[1])["items"])
    paying = {"invoice_id": invoice["id"], "method": "pm_ok"}
    assert docs.choose("Billing", "Pay an invoice", "create_payment").try_it(paying)[0] == 201

    reading = docs.choose("Orders", "Read an order", "get_order")
    seen = (reading.try_it(order_id=draft["id"])[1]["status"] for _ in until())
    assert "confirmed" in seen
