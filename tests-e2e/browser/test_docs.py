"""The documentation page, as somebody uses it who has never seen the API.

Run by `just test-browser` only. Without a browser these tests fail rather than skip: who asks for them wants to know.
"""

from __future__ import annotations

import re
import subprocess
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
from playwright.sync_api import Page, expect
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


def test_the_watch_sees_what_no_page_may_do(docs: Docs) -> None:
    """The negative control: an inline script and a request to elsewhere are refused, and are noticed."""
    docs.open()

    ran = docs.page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.ran = true";
          document.head.append(script);
          await fetch("http://elsewhere.example/").catch(() => {});
          return window.ran === true;
        }"""
    )

    assert not ran
    assert len([said for said in docs.faults.said if "Content Security Policy" in said]) >= 2
    docs.faults.said.clear()
    docs.faults.foreign.clear()


def test_a_wrong_password_is_said_in_words(docs: Docs, account: Account) -> None:
    """What is wrong and what a new account may lack; the next attempt starts where the fault is."""
    docs.open()

    docs.sign_in(account.email, "not the password")

    dialog = docs.page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("do not belong to an account that can sign in")
    expect(dialog.get_by_label("Password")).to_be_focused()
    dialog.get_by_label("Password").fill(account.password)
    dialog.get_by_role("button", name="Sign in").click()
    expect(docs.page.get_by_text(f"Signed in as {account.email}")).to_be_visible()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 429, "headers": {"Retry-After": "45"}, "json": {}}, "Too many attempts. Try again in 45 seconds."),
        ({"status": 429, "headers": {"Retry-After": "600"}, "json": {}}, "Try again in 10 minutes."),
        ({"status": 503, "json": {"detail": "The service identity is away; try again"}}, "identity is away"),
        ({"status": 422, "json": {"code": "invalid"}}, "check what you typed"),
        (None, "The gateway does not answer."),
    ],
    ids=["limited", "limited-long", "away", "invalid", "no-gateway"],
)
def test_what_hinders_a_sign_in_is_said_in_words(docs: Docs, answer: dict[str, Any] | None, words: str) -> None:
    """Each in its own: what a reader can do about it differs."""
    docs.page.route("**/auth/login", lambda route: route.fulfill(**answer) if answer else route.abort())
    docs.open()

    docs.sign_in("ada@example.com", "correct horse battery")

    expect(docs.page.get_by_role("dialog").get_by_role("alert")).to_contain_text(words)
    docs.page.unroute_all()
    docs.faults.expected("net::ERR_FAILED")


def test_the_page_forgets_who_is_signed_in(docs: Docs, account: Account) -> None:
    """After a reload nobody is; nothing was ever kept in the browser's storage, and the session has ended."""
    docs.open()
    tokens: list[dict[str, Any]] = []
    docs.page.on("response", lambda answer: tokens.append(answer.json()) if answer.url.endswith("/login") else None)
    signed_in(docs, account)

    docs.page.reload()

    expect(docs.page.get_by_role("button", name="Sign in").first).to_be_visible()
    kept = docs.page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie, location.href]")
    assert kept[:3] == [{}, {}, ""]
    refresh = {"refresh_token": tokens[0]["refresh_token"]}
    answers = (docs.page.request.post("/api/v1/identity/auth/refresh", data=refresh).status for _ in until())
    assert 401 in answers


def test_an_access_token_that_ends_is_replaced(docs: Docs, account: Account) -> None:
    """A quarter of an hour later a call works as before: one refresh, and the new token is what is sent."""
    docs.open()
    signed_in(docs, account)
    me = docs.choose("Identity", "Read who one is", "get_me")
    first = sent_token(docs.page, me.execute)

    docs.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(minutes=14, seconds=45))
    with docs.page.expect_response("**/auth/refresh") as refreshed:
        second = sent_token(docs.page, me.execute)

    assert refreshed.value.status == 200
    assert second == refreshed.value.json()["access_token"] != first


def sent_token(page: Page, act: Any) -> str:
    """The token of the call that `act` makes, which answers 200."""
    with page.expect_request("**/identity/me") as asked:
        assert act()[0] == 200
    return asked.value.headers["authorization"].removeprefix("Bearer ")


def test_a_call_with_a_stale_token_is_made_again(docs: Docs, account: Account) -> None:
    """When what the user may do has changed, the gateway asks for a new token: the reader sees only the answer."""
    docs.open()
    signed_in(docs, account)
    stale = [{"status": 401, "json": {"code": "token-stale", "title": "The access token is out of date"}}]
    docs.page.route("**/identity/me", lambda route: route.fulfill(**stale.pop()) if stale else route.continue_())

    status, answer = docs.choose("Identity", "Read who one is", "get_me").execute_until(200)

    assert (status, answer["user"]["email"]) == (200, account.email)
    assert not stale


def test_a_session_that_ended_elsewhere_is_noticed(docs: Docs, stack: Stack, account: Account) -> None:
    """The page says so and offers to sign in again, instead of sending a dead token for ever."""
    docs.open()
    signed_in(docs, account)
    with httpx.Client(base_url=f"{stack.url}/api/v1/identity/auth") as http:
        access = http.post("/login", json={"email": account.email, "password": account.password}).json()
        bearer = {"Authorization": f"Bearer {access['access_token']}"}
        assert http.post("/logout-all", headers=bearer).status_code == 204

    status, _ = docs.choose("Identity", "Read who one is", "get_me").execute()

    assert status == 401
    expect(docs.page.get_by_text("Your session has ended. Sign in again to go on.")).to_be_visible()
    expect(docs.page.get_by_role("button", name="Sign in").first).to_be_visible()


def test_signing_out_ends_the_session(docs: Docs, account: Account) -> None:
    """The next call goes out without a token, and the refresh token no longer counts."""
    docs.open()
    signed_in(docs, account)
    with docs.page.expect_response("**/auth/logout") as ended:
        docs.page.get_by_role("button", name="Sign out").click()

    assert ended.value.status == 204
    with docs.page.expect_request("**/identity/me") as asked:
        status, _ = docs.choose("Identity", "Read who one is", "get_me").execute()
    assert status == 401
    assert "authorization" not in asked.value.headers


def test_a_lock_leads_to_the_sign_in(docs: Docs, account: Account) -> None:
    """Open locks are shut by signing in, in every service that was opened before."""
    docs.open("/docs/billing")
    lock = docs.page.locator(".service:visible .authorization__btn").first
    expect(lock).to_have_attribute("aria-label", "authorization button unlocked")

    lock.click()
    dialog = docs.page.get_by_role("dialog")
    dialog.get_by_label("Email").fill(account.email)
    dialog.get_by_label("Password").fill(account.password)
    dialog.get_by_role("button", name="Sign in").click()

    expect(lock).to_have_attribute("aria-label", "authorization button locked")


def test_a_service_that_is_away_is_said_and_asked_again(docs: Docs, account: Account) -> None:
    """Its part of the page says so, the others work; when it is back, its part shows by itself."""
    problem = {"title": "Away", "detail": "The service billing is away; try again", "request_id": "r-7"}
    docs.page.route("**/openapi/billing.json", lambda route: route.fulfill(status=503, json=problem))
    docs.open("/docs/billing")

    panel = docs.page.get_by_role("alert").filter(has_text="cannot be shown")
    expect(panel).to_contain_text("The service billing is away; try again (request r-7)")
    docs.switch("Orders")
    expect(docs.page.locator(".opblock:visible").first).to_be_visible()
    docs.page.unroute_all()
    docs.switch("Billing")
    expect(docs.page.locator(".opblock:visible").first).to_be_visible()


def test_an_address_leads_to_an_operation_and_back_leads_back(docs: Docs) -> None:
    """Addresses can be sent to others; the browser's buttons do what they do."""
    docs.open("/docs/billing#/payments/create_payment")
    expect(docs.operation("create_payment").block.get_by_role("button", name="Execute")).to_be_visible()

    docs.switch("Orders")
    expect(docs.page).to_have_title("Orders · Promenade API")
    docs.page.go_back()
    expect(docs.page).to_have_title("Billing · Promenade API")
    expect(docs.operation("create_payment").block).to_be_visible()
    docs.page.go_forward()
    expect(docs.page).to_have_title("Orders · Promenade API")


def test_a_service_shows_what_the_gateway_routes_to_it(docs: Docs) -> None:
    """The probes of the process behind it are not there: through the gateway they would be the gateway's."""
    docs.open("/docs/order-management")
    expect(docs.page.locator(".opblock:visible").first).to_be_visible()

    paths = docs.page.locator(".opblock-summary-path:visible").all_inner_texts()

    assert len(paths) > 15
    assert [path for path in paths if not path.replace("\u200b", "").startswith("/api/v1/order-management")] == []


def test_everything_can_be_done_with_the_keyboard(docs: Docs, account: Account) -> None:
    """Signing in, finding an operation, calling it: without a mouse, and never lost."""
    docs.open("/docs/order-management")
    expect(docs.page.locator(".opblock:visible").first).to_be_visible()
    keys = docs.page.keyboard

    tab_to(docs.page, "#sign-in")
    keys.press("Enter")
    keys.type(account.email)
    keys.press("Tab")
    keys.type(account.password)
    keys.press("Enter")
    expect(docs.page.get_by_role("button", name="Sign out")).to_be_focused()
    tab_to(docs.page, ".operation-list input")
    keys.type("list orders")
    keys.press("Tab")
    keys.press("Enter")
    tab_to(docs.page, ".btn.execute")
    with docs.page.expect_response("**/order-management/orders*") as answered:
        keys.press("Enter")

    assert answered.value.status == 200


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what the selector means has the focus, which shows."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            ring = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
            assert ring >= 1
            return
    raise AssertionError(f"Tab never came to {selector}")


@pytest.mark.parametrize("look", [{}, DARK, NARROW, {**NARROW, **DARK}], ids=["light", "dark", "narrow", "narrow-dark"])
def test_the_page_can_be_read(docs: Docs, account: Account) -> None:
    """Every text in front of its ground as WCAG wants it, and nothing wider than the window: in every part."""
    docs.open()
    assert (docs.too_faint(), docs.too_wide()) == ([], 0)
    docs.page.get_by_role("button", name="Sign in").first.click()
    assert (docs.too_faint(), docs.too_wide()) == ([], 0)
    docs.page.keyboard.press("Escape")
    signed_in_somehow(docs, account)

    for service in SERVICES:
        docs.switch(service)
        expect(docs.page.locator(".opblock:visible").first).to_be_visible()
        assert (service, docs.too_faint(), docs.too_wide()) == (service, [], 0)
    docs.open("/docs/order-management#/orders/list_orders")
    assert docs.operation("list_orders").execute()[0] == 401
    assert (docs.too_faint(), docs.too_wide()) == ([], 0)


def signed_in_somehow(docs: Docs, account: Account) -> None:
    """On narrow windows only the name is shown."""
    docs.sign_in(account.email, account.password)
    expect(docs.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_first_steps_can_be_copied_and_say_where_we_are(docs: Docs, stack: Stack) -> None:
    """The commands name the address that the page came from."""
    docs.open()
    first = docs.page.locator(".steps li").first

    first.hover()
    first.get_by_role("button", name="Copy").click()

    expect(first.get_by_role("button", name="Copied")).to_be_visible()
    copied = docs.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"API={stack.url}/api/v1 ")


def test_the_first_steps_work_as_they_are_written(docs: Docs, stack: Stack) -> None:
    """The commands of the page, run one after the other by a shell, end with a confirmed order. Needs curl and jq."""
    docs.open()
    stranger = a_stranger()
    steps = [
        text.replace("ada@example.com", stranger.email) for text in docs.page.locator(".steps code").all_inner_texts()
    ]
    register, verify, login, order, pay, see = [step for step in steps if "curl" in step]

    run_by_a_shell(register)
    said = run_by_a_shell(
        register.splitlines()[0],
        verify.replace("123456", code_for(stack, stranger.email)),
        login,
        order,
        'until curl -s "$API/billing/invoices?order_id=$ORDER" -H "$ME" | grep -q INV-; do sleep 0.1; done',
        pay,
        f"until {see} | grep -q confirmed; do sleep 0.1; done",
        see,
    )

    assert said.endswith("confirmed\n")


def run_by_a_shell(*commands: str) -> str:
    """What they print."""
    done = subprocess.run(
        ["bash", "-eu", "-c", "\n".join(commands)],
        capture_output=True,
        text=True,
        check=False,
        timeout=stretched(60),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_events_page_works_under_its_policy(docs: Docs) -> None:
    """Its own script searches, its own style dresses it; nothing else would be let in."""
    docs.open("/events")
    docs.page.get_by_role("searchbox").or_(docs.page.locator("#q")).first.fill("order.placed")

    expect(docs.page.locator(".found")).to_contain_text(re.compile(r"^\d+ of \d+ events$"))
    assert docs.page.evaluate("getComputedStyle(document.querySelector('.page')).display") == "grid"
    assert docs.too_faint() == []
