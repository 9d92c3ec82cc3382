"""What the routes of Billing refuse because of who asks, or of the state of things."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from billing_orders import order_placed
from billing_rooms import INVOICES, PAYMENTS, World, begin_payment, path_of
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier

DIFFERING = {"instance", "request_id"}
NOBODYS = "01980000-0000-7000-8000-000000000000"
EVERY_ROUTE: list[tuple[str, str, Any]] = [
    ("GET", INVOICES, None),
    ("GET", f"{INVOICES}/{NOBODYS}", None),
    ("POST", f"{INVOICES}/{NOBODYS}/accept", None),
    ("POST", f"{INVOICES}/{NOBODYS}/void", {"reason": "x"}),
    ("GET", PAYMENTS, None),
    ("POST", PAYMENTS, {"invoice_id": NOBODYS, "method": "pm_ok"}),
    ("GET", f"{PAYMENTS}/{NOBODYS}", None),
    ("POST", f"{PAYMENTS}/{NOBODYS}/confirm", None),
]


async def call(client: httpx.AsyncClient, method: str, path: str, body: Any, **more: Any) -> httpx.Response:
    return await client.request(method, path, **({"json": body} if body is not None else {}), **more)


@pytest.mark.parametrize(("method", "path", "body"), EVERY_ROUTE)
async def test_nobody_comes_without_a_token(
    anonymous: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
) -> None:
    """Without a token every route answers 401 and says how to sign in."""
    answer = await call(anonymous, method, path, body)

    problem_of(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", ["invoice", "payment", "confirm", "pay"])
async def test_somebody_elses_is_not_there(
    client: httpx.AsyncClient, world: World, user_id: UUID, stranger: dict[str, str], route: str
) -> None:
    """Another user gets 404, word for word what an unknown id answers, and nothing changes."""
    invoice = await world.place(user_id)
    payment = await world.settle(invoice, "pm_requires_action")
    routes: dict[str, Any] = {
        "invoice": lambda id_: call(client, "GET", f"{INVOICES}/{id_ or invoice.id}", None, headers=stranger),
        "payment": lambda id_: call(client, "GET", f"{PAYMENTS}/{id_ or payment.id}", None, headers=stranger),
        "confirm": lambda id_: call(client, "POST", f"{PAYMENTS}/{id_ or payment.id}/confirm", None, headers=stranger),
        "pay": lambda id_: call(
            client, "POST", PAYMENTS, {"invoice_id": str(id_ or invoice.id), "method": "pm_ok"}, headers=stranger
        ),
    }

    theirs, unknown = await routes[route](None), await routes[route](uuid4())

    ours, none = problem_of(theirs, 404, "not-found"), problem_of(unknown, 404, "not-found")
    assert {k: v for k, v in ours.items() if k not in DIFFERING} == {
        k: v for k, v in none.items() if k not in DIFFERING
    }
    assert await world.payment(payment) == payment


@pytest.mark.parametrize(("command", "body"), [("accept", None), ("void", {"reason": "mine"})])
async def test_commands_of_staff_are_not_the_owners(
    client: httpx.AsyncClient, world: World, user_id: UUID, command: str, body: Any
) -> None:
    """The owner of an invoice neither accepts nor voids it."""
    invoice = await world.place_miscounted(user_id)

    problem_of(await call(client, "POST", path_of(invoice, command), body), 403, "forbidden")


@pytest.mark.parametrize(
    ("permission", "method", "path"),
    [
        ("invoices:read", "POST", "accept"),
        ("invoices:finalize", "POST", "void"),
        ("invoices:void", "POST", "accept"),
    ],
)
async def test_one_permission_is_not_another(
    client: httpx.AsyncClient, world: World, verifier: FakeVerifier, permission: str, method: str, path: str
) -> None:
    """Each command has a permission of its own."""
    invoice = await world.place()
    body = {"reason": "x"} if path == "void" else None

    answer = await call(client, method, path_of(invoice, path), body, headers=verifier.sign_in(uuid4(), permission))

    problem_of(answer, 403, "forbidden")


async def test_who_may_read_payments_may_not_make_them(
    client: httpx.AsyncClient, world: World, verifier: FakeVerifier
) -> None:
    """payments:read shows anybody's payment and charges nobody."""
    invoice = await world.place()
    payment = await world.pay(invoice)
    reader = verifier.sign_in(uuid4(), "payments:read")

    seen = await client.get(path_of(payment), headers=reader)
    made = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": "pm_ok"}, headers=reader)

    assert seen.status_code == 200
    problem_of(made, 404, "not-found")


@pytest.mark.parametrize("status", ["held", "paid", "void"])
async def test_only_open_invoices_are_paid(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str], status: str
) -> None:
    """409 says in which state the invoice is."""
    invoice = await (world.place_miscounted(user_id) if status == "held" else world.place(user_id))
    if status == "paid":
        await world.settle(invoice)
    if status == "void":
        await client.post(path_of(invoice, "void"), json={"reason": "x"}, headers=staff)

    answer = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": "pm_ok"})

    assert problem_of(answer, 409, "invoice-not-payable")["state"] == status


@pytest.mark.parametrize(
    ("under_way", "amount", "status", "code"),
    [
        (0, 3001, 422, "amount-exceeds-due"),
        (1000, 3001, 422, "amount-exceeds-due"),
        (1000, 2001, 409, "payment-in-progress"),
        (3000, 1, 409, "payment-in-progress"),
        (3000, None, 409, "payment-in-progress"),
    ],
)
async def test_nobody_pays_more_than_is_due(
    client: httpx.AsyncClient, world: World, user_id: UUID, under_way: int, amount: int | None, status: int, code: str
) -> None:
    """409 when only payments under way stand in the way, 422 when it is more than is due at all."""
    invoice = await world.place(user_id)
    if under_way:
        await begin_payment(client, invoice, amount={"amount": under_way, "currency": "EUR"})
    given = {} if amount is None else {"amount": {"amount": amount, "currency": "EUR"}}

    answer = await client.post(PAYMENTS, json={"invoice_id": str(invoice.id), "method": "pm_ok", **given})

    problem = problem_of(answer, status, code)
    assert status == 409 or [(f["pointer"], f["code"]) for f in problem["errors"]] == [("/amount", code)]


async def test_a_second_click_finds_the_first(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """Before the provider has answered and after it, there is one payment."""
    invoice = await world.place(user_id)
    body = {"invoice_id": str(invoice.id), "method": "pm_ok"}
    await client.post(PAYMENTS, json=body)

    during = await client.post(PAYMENTS, json=body)
    await world.work()
    after = await client.post(PAYMENTS, json=body)

    problem_of(during, 409, "payment-in-progress")
    problem_of(after, 409, "invoice-not-payable")
    assert len((await client.get(PAYMENTS)).json()["items"]) == 1


@pytest.mark.parametrize("command", ["accept", "void"])
async def test_a_command_in_the_wrong_state_names_the_right_ones(
    client: httpx.AsyncClient, world: World, staff: dict[str, str], command: str
) -> None:
    """An open invoice is not accepted, a held one not voided."""
    invoice = await (world.place() if command == "accept" else world.place_miscounted())
    body = {"reason": "x"} if command == "void" else None

    answer = await call(client, "POST", path_of(invoice, command), body, headers=staff)

    allowed = ["void"] if command == "accept" else ["accept"]
    assert problem_of(answer, 409, "invalid-transition")["allowed"] == allowed
    assert (await world.place()).number in ("INV-2026-000001", "INV-2026-000002"), "no number was lost"


async def test_what_is_being_paid_is_not_voided(client: httpx.AsyncClient, world: World, staff: dict[str, str]) -> None:
    """Neither while money is on its way nor after it has come."""
    invoice = await world.place()
    await world.pay(invoice)

    during = await client.post(path_of(invoice, "void"), json={"reason": "x"}, headers=staff)
    await world.work()
    after = await client.post(path_of(invoice, "void"), json={"reason": "x"}, headers=staff)

    problem_of(during, 409, "payment-in-progress")
    assert problem_of(after, 409, "invalid-transition")["allowed"] == []


async def test_only_what_waits_is_confirmed(client: httpx.AsyncClient, world: World, user_id: UUID) -> None:
    """A payment that is processing or settled has nothing to confirm."""
    payment = await world.pay(await world.place(user_id))

    for _ in range(2):
        problem = problem_of(await client.post(path_of(payment, "confirm")), 409, "invalid-transition")
        assert problem["allowed"] == []
        await world.work()


@pytest.mark.parametrize("route", ["accept", "void", "confirm"])
async def test_a_stale_if_match_changes_nothing(
    client: httpx.AsyncClient, world: World, staff: dict[str, str], route: str
) -> None:
    """If-Match is honoured on every command: with another version it answers 412, with the present one it goes on."""
    invoice = await (world.place_miscounted() if route == "accept" else world.place())
    thing: Any = await world.settle(invoice, "pm_requires_action") if route == "confirm" else invoice
    body = {"reason": "x"} if route == "void" else None

    stale = await call(client, "POST", path_of(thing, route), body, headers={**staff, "If-Match": '"7"'})
    fresh = await call(client, "POST", path_of(thing, route), body, headers={**staff, "If-Match": f'"{thing.version}"'})

    problem_of(stale, 412, "precondition-failed")
    assert fresh.status_code == 200


async def test_an_invoice_of_nobody_is_seen_by_staff_alone(
    client: httpx.AsyncClient, world: World, staff: dict[str, str]
) -> None:
    """Without user and customer there is no owner; nobody becomes one by accident."""
    orphan = await world.invoice_of(order_placed(user_id=None))

    problem_of(await client.get(path_of(orphan)), 404, "not-found")
    assert (await client.get(path_of(orphan), headers=staff)).status_code == 200
    assert (await client.get(INVOICES)).json()["items"] == []
