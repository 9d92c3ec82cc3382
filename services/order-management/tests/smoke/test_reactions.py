"""What orders do about news from other contexts, through a bus and a ledger, on fakes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from order_rooms import ORDERS, create, euro, order_body, path_of, place
from order_story import tell_the_story
from order_world import World, amounts, copy_of
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_kernel.events.billing import InvoicePaid, InvoiceRejected
from promenade_kernel.events.customer_management import CustomerCreated, CustomerDeleted
from promenade_kernel.events.identity import UserDeleted, UserReinstated, UserRestored, UserSuspended
from promenade_kernel.events.order_management import OrderConfirmed
from promenade_kernel.events.registry import event_class
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.values.email import Email
from promenade_order_management.bootstrap import Rooms

REACTED_TO = [
    *("customer.created.v1", "customer.updated.v1", "customer.deleted.v1"),
    *("user.suspended.v1", "user.reinstated.v1", "user.deleted.v1", "user.restored.v1"),
    *("invoice.finalized.v1", "invoice.paid.v1", "invoice.rejected.v1"),
    *("payment.succeeded.v1", "payment.failed.v1"),
]


async def shown(client: httpx.AsyncClient, order: dict[str, Any]) -> dict[str, Any]:
    return (await client.get(path_of(order))).json()


async def test_an_invoice_is_linked(client: httpx.AsyncClient, world: World) -> None:
    """The order knows its invoice by id and number."""
    order, invoice_id = await place(client), uuid4()

    await world.invoice_finalized(order, invoice_id)

    after = await shown(client, order)
    assert (after["invoice_id"], after["invoice_number"]) == (str(invoice_id), "INV-1")
    assert (after["status"], after["payment_status"]) == ("placed", "unpaid")


async def test_a_paid_invoice_confirms_once(client: httpx.AsyncClient, world: World, rooms: Rooms) -> None:
    """Delivered twice, told in two events: the order is confirmed once, and says so once."""
    order, invoice_id = await place(client), uuid4()

    envelope = await world.invoice_paid(order, invoice_id)
    await world.deliver(envelope)
    await world.invoice_paid(order, invoice_id)

    after = await shown(client, order)
    assert (after["status"], after["payment_status"], after["amount_paid"]) == ("confirmed", "paid", euro(3000))
    assert after["confirmed_at"] is not None
    assert after["allowed_actions"] == ["fulfill", "hold"]
    assert isinstance(rooms.order.unit_of_work, InMemoryUnitOfWork)
    assert [type(each) for each in rooms.order.unit_of_work.events].count(OrderConfirmed) == 1


async def test_payments_are_copied_the_newest_wins(client: httpx.AsyncClient, world: World) -> None:
    """A failure told late does not take back what was paid after it; the timeline tells both."""
    order, invoice_id = await place(client), uuid4()

    await world.payment_succeeded(order, invoice_id, number=3, paid=1000)
    await world.payment_failed(order, invoice_id, number=2)

    after = await shown(client, order)
    assert (after["payment_status"], after["amount_paid"]) == ("partially-paid", euro(1000))
    entries = (await client.get(path_of(order, "timeline"))).json()["items"]
    assert [entry["kind"] for entry in entries][-2:] == ["payment.succeeded", "payment.failed"]
    assert entries[-1]["facts"]["error"] == "card-declined"


async def test_a_failed_payment_leaves_the_order_waiting(client: httpx.AsyncClient, world: World) -> None:
    """It stays placed, and the process says what went wrong."""
    order = await place(client)

    await world.payment_failed(order, uuid4())

    assert (await shown(client, order))["status"] == "placed"
    steps = (await client.get(path_of(order, "process"))).json()["steps"]
    failed = [step for step in steps if step["status"] == "failed"]
    assert [(step["name"], step["error"]) for step in failed] == [("payment.succeeded", "card-declined")]


async def test_a_failure_told_late_sets_nothing_back(client: httpx.AsyncClient, world: World) -> None:
    """Payments overtake each other: of a paid order the process says so, whichever news came last."""
    order, invoice_id = await place(client), uuid4()

    await world.payment_succeeded(order, invoice_id, number=3, paid=3000)
    await world.payment_failed(order, invoice_id, number=2)

    steps = {step["name"]: step for step in (await client.get(path_of(order, "process"))).json()["steps"]}
    assert (steps["payment.succeeded"]["status"], steps["payment.succeeded"]["error"]) == ("done", "card-declined")


async def test_a_rejection_that_comes_late(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """Replayed after the invoice was paid it holds what can still be held, not an order that is over."""
    over: dict[str, Any] = await tell_the_story(client, staff, world, user_id)
    paid, invoice_id = await place(client), uuid4()
    await world.invoice_paid(paid, invoice_id)

    for order, invoice in ((paid, invoice_id), (over, UUID(over["invoice_id"]))):
        told = amounts(order, invoice, 1)
        late = InvoiceRejected(**told, order_total=told["total"], reason="totals differ")
        await world.replay(world.seal(late, uuid4()))

    held, done = await shown(client, paid), await shown(client, over)
    assert (held["status"], held["payment_status"], held["on_hold"]) == (
        "confirmed",
        "paid",
        {"reason": "totals differ"},
    )
    assert (done["status"], done["payment_status"], done["on_hold"]) == ("completed", "paid", None)


async def test_a_rejected_invoice_holds_the_order(
    client: httpx.AsyncClient, world: World, staff: dict[str, str]
) -> None:
    """A difference of totals is looked at before anything leaves the house."""
    order = await place(client)

    await world.invoice_rejected(order, "totals differ")

    after = await shown(client, order)
    assert (after["status"], after["on_hold"]) == ("placed", {"reason": "totals differ"})
    assert after["allowed_actions"] == ["release"]


async def test_a_late_customer_is_known_to_all_orders_of_his_user(
    client: httpx.AsyncClient, world: World, user_id: UUID
) -> None:
    """Placed orders freeze his name, drafts only learn who he is; somebody else's customer changes nothing."""
    draft, placed = await create(client), await place(client)
    await world.customer_appears(uuid4(), name="Eve")

    customer_id = await world.customer_appears(user_id, name="Ada")
    await world.customer_changes(customer_id, user_id, name="Ada Lovelace")

    after, still_draft = await shown(client, placed), await shown(client, draft)
    assert (after["customer_id"], after["customer_name"]) == (str(customer_id), "Ada")
    assert (still_draft["customer_id"], still_draft["customer_name"]) == (str(customer_id), None)
    assert (await client.post(path_of(draft, "place"))).json()["customer_name"] == "Ada Lovelace"


async def test_a_customer_linked_to_his_user_later(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """What was ordered for him before is his user's from then on, in lists, too."""
    customer_id = await world.customer_appears(None)
    made = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)
    order, own = made.json(), await create(client)
    before = await client.get(path_of(order))

    await world.customer_changes(customer_id, user_id)

    assert before.status_code == 404
    assert (await client.get(path_of(order))).status_code == 200
    assert {each["id"] for each in (await client.get(ORDERS)).json()["items"]} == {order["id"], own["id"]}
    assert (await shown(client, own))["customer_id"] == str(customer_id)


async def test_a_deleted_customer_orders_no_more(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """New orders for him are refused; his user's are his user's until a new customer comes."""
    customer_id = await world.customer_appears(user_id)
    sold = await place(client)

    await world.customer_is_deleted(customer_id)

    refused = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)
    problem_of(refused, 409, "buyer-refused")
    assert (await create(client))["customer_id"] is None
    assert (await shown(client, sold))["customer_name"] == "Ada"


async def test_a_letter_replayed_after_the_customer_is_gone(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """His creation was dead-lettered and takes effect after his deletion: he stays deleted."""
    customer_id = uuid4()
    created = world.seal(CustomerCreated(**copy_of(customer_id, user_id)), customer_id)
    await world.replay(world.seal(CustomerDeleted(customer_id=customer_id, user_id=user_id), customer_id))

    await world.replay(created)

    refused = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)
    problem_of(refused, 409, "buyer-refused")
    assert (await create(client))["customer_id"] is None


@pytest.mark.parametrize("event", [UserSuspended, UserDeleted])
async def test_a_user_without_standing_is_refused_until_reinstated(
    client: httpx.AsyncClient, world: World, user_id: UUID, event: Any
) -> None:
    """No new orders of suspended and deleted users."""
    await world.tell(event(user_id=user_id), user_id)
    problem_of(await client.post(ORDERS, json=order_body()), 409, "buyer-refused")

    await world.tell(UserReinstated(user_id=user_id), user_id)

    assert (await client.post(ORDERS, json=order_body())).status_code == 201


@pytest.mark.parametrize(("status", "answer"), [("active", 201), ("suspended", 409)])
async def test_a_restored_user_is_what_he_was(
    client: httpx.AsyncClient, world: World, user_id: UUID, status: Any, answer: int
) -> None:
    """Back as an active user he orders again, back as a suspended one he does not, until he is reinstated."""
    restored = UserRestored(user_id=user_id, email=Email("ada@example.com"), status=status)
    await world.tell(UserDeleted(user_id=user_id), user_id)
    await world.tell(restored, user_id)

    after = await client.post(ORDERS, json=order_body())
    await world.tell(UserReinstated(user_id=user_id), user_id)

    assert after.status_code == answer
    assert (await client.post(ORDERS, json=order_body())).status_code == 201


async def test_what_was_begun_and_placed_before_the_suspension(
    client: httpx.AsyncClient, world: World, user_id: UUID, staff: dict[str, str]
) -> None:
    """Nobody begins or places orders of his, staff on his behalf neither; his draft stays, his placed order goes on."""
    customer_id = await world.customer_appears(user_id)
    draft, placed = await create(client), await place(client)
    await world.tell(UserSuspended(user_id=user_id), user_id)

    for_him = await client.post(ORDERS, json=order_body(customer_id=str(customer_id)), headers=staff)
    by_staff = await client.post(path_of(draft, "place"), headers=staff)
    by_himself = await client.post(path_of(draft, "place"))
    changed = await client.patch(path_of(draft), json={"note": "x"}, headers={"If-Match": f'"{draft["version"]}"'})
    await world.invoice_paid(placed)

    problem_of(for_him, 409, "buyer-refused")
    problem_of(by_staff, 409, "buyer-refused")
    problem_of(by_himself, 409, "buyer-refused")
    assert (changed.status_code, changed.json()["status"]) == (200, "draft")
    assert (await shown(client, placed))["status"] == "confirmed"


async def test_a_suspension_replayed_after_the_reinstatement(
    client: httpx.AsyncClient, world: World, user_id: UUID
) -> None:
    """What is older never overwrites what is newer: he orders."""
    suspension = world.seal(UserSuspended(user_id=user_id), user_id)
    await world.replay(world.seal(UserReinstated(user_id=user_id), user_id))

    await world.replay(suspension)

    assert (await client.post(ORDERS, json=order_body())).status_code == 201


async def test_an_invoice_of_no_order_is_none_of_ours(
    client: httpx.AsyncClient, world: World, ledger: InMemoryLedger
) -> None:
    """Subscriptions have invoices without orders."""
    order = await place(client)
    told = {**amounts(order, uuid4(), 1), "order_id": None}

    await world.tell(
        InvoicePaid(**told, number="INV-1", paid_at=SAMPLES["invoice.paid.v1"].paid_at), told["invoice_id"]
    )

    assert ledger.book.dead_letters == []
    assert (await shown(client, order))["status"] == "placed"


@pytest.mark.parametrize("change", [{"id": str(uuid4())}, {"currency": "USD"}], ids=["unknown order", "currency"])
async def test_news_that_cannot_be_true_are_dead_lettered(
    client: httpx.AsyncClient, world: World, ledger: InMemoryLedger, change: dict[str, str]
) -> None:
    """At once: no patience makes them true. The order stays as it is."""
    order = await place(client)

    await world.invoice_paid({**order, **change})

    assert [letter.attempts for letter in ledger.book.dead_letters] == [1]
    assert await shown(client, order) == order


@pytest.mark.parametrize("wire", REACTED_TO)
async def test_the_producers_samples_are_understood(world: World, ledger: InMemoryLedger, wire: str) -> None:
    """Each kind of event this context listens to reaches a reaction that can read it."""
    sample = SAMPLES[wire]

    await world.tell(sample, uuid4())

    assert isinstance(sample, event_class(wire) or type(None))
    reasons = [letter.reason for letter in ledger.book.dead_letters]
    # The samples of billing speak of an order that is not here.
    assert all("there is no order" in reason for reason in reasons)
    assert bool(reasons) == wire.startswith(("invoice.", "payment."))
