"""What sales do to customers, and what a redelivery does not, in both ledgers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from customer_rooms import World, fresh_email, sample, timeline_of
from promenade_chassis.events.outcome import DONE
from promenade_chassis.ports import PageRequest
from promenade_customer_management.customer.entity import Customer, Lifecycle
from promenade_customer_management.customer.repository import CustomerFilter
from promenade_customer_management.customer.use_cases import by_hand
from promenade_kernel.events import billing, identity
from promenade_kernel.events import order_management as orders
from promenade_kernel.events.registry import Event
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id

PAGE = PageRequest(limit=100)
NOBODY: dict[str, Any] = {"customer_id": None, "user_id": None}


async def by_hand_created(world: World, **fields: Any) -> Customer:
    customer, _ = await by_hand.create_customer(Customer(**{"name": "Ada", **fields}), room=world.room)
    return customer


async def register(world: World, user_id: UUID, email: Email | None = None, name: str | None = None) -> None:
    event = identity.UserRegistered(user_id=user_id, email=email, display_name=name)
    await world.tell(event, user_id)


async def customer_of(world: World, user_id: UUID) -> Customer:
    customer = await world.room.customers.of_user(user_id)
    assert customer is not None
    return customer


@pytest.mark.parametrize("state", [Lifecycle.LEAD, Lifecycle.DISQUALIFIED, Lifecycle.CHURNED])
async def test_who_orders_is_a_prospect_and_who_has_paid_a_customer(world: World, state: Lifecycle) -> None:
    """order.placed moves a lead alone; order.confirmed moves whoever it is, also who was disqualified or lost."""
    customer, order_id = await by_hand_created(world), new_id()
    for command in {"disqualified": ["disqualify"], "churned": ["convert", "churn"]}.get(state.value, []):
        reason = None if command == "convert" else "because"
        await by_hand.move_customer(customer.id, command, reason, expected_version=None, room=world.room)
    whose: dict[str, Any] = {"order_id": order_id, "customer_id": customer.id, "user_id": None}

    await world.tell(sample(orders.OrderPlaced, **whose), order_id)
    placed = await world.room.customers.get(customer.id)
    await world.tell(sample(orders.OrderConfirmed, **whose), order_id)
    confirmed = await world.room.customers.get(customer.id)

    assert placed.lifecycle is (Lifecycle.PROSPECT if state is Lifecycle.LEAD else state)
    assert confirmed.lifecycle is Lifecycle.CUSTOMER
    assert (confirmed.disqualified_reason, confirmed.churn_reason) == (None, None)
    kinds = set(await timeline_of(world.room, customer.id))
    assert kinds >= {"order.placed", "order.confirmed", "lifecycle.changed"}


TOLD: list[tuple[type[Event], str, str]] = [
    (orders.OrderPlaced, "order.placed", "placed_at"),
    (orders.OrderConfirmed, "order.confirmed", "confirmed_at"),
    (orders.OrderCompleted, "order.completed", "completed_at"),
    (orders.FulfillmentShipped, "fulfillment.shipped", "shipped_at"),
    (orders.FulfillmentDelivered, "fulfillment.delivered", "delivered_at"),
    (billing.InvoiceFinalized, "invoice.finalized", "issued_at"),
    (billing.InvoicePaid, "invoice.paid", "paid_at"),
    (billing.InvoiceVoided, "invoice.voided", "voided_at"),
    (billing.PaymentSucceeded, "payment.succeeded", "succeeded_at"),
    (billing.PaymentFailed, "payment.failed", "failed_at"),
    (billing.InvoiceRejected, "invoice.rejected", ""),
]


async def test_sales_are_on_the_timeline(world: World) -> None:
    """Each producer's sample: an entry of its kind, when it happened, caused by the event, with the order's id."""
    customer = await by_hand_created(world)

    for kind, name, moment in TOLD:
        event: Any = sample(kind, customer_id=customer.id, user_id=None)
        envelope = await world.tell(event, new_id())

        entries = (await world.room.timeline.list(customer.id, PAGE)).items
        (entry,) = [entry for entry in entries if entry.kind == name]
        assert entry.occurred_at == (getattr(event, moment) if moment else envelope.time), name
        assert entry.cause == str(envelope.id)
        assert entry.data["order_id"] == str(event.order_id)
        assert "Money(" not in entry.summary


async def test_a_sale_to_nobody_we_know_is_done(world: World) -> None:
    """A guest's order names neither customer nor user: it blocks nothing and is on nobody's timeline."""
    for kind, name, _ in TOLD:
        assert await world.deliver(world.seal(sample(kind, **NOBODY), new_id())) == DONE, name


async def test_an_order_waits_for_its_user(world: World) -> None:
    """Facts of a user not heard of yet wait, uncounted, and take effect in order once the user arrived."""
    user_id, order_id = uuid4(), new_id()
    whose: dict[str, Any] = {"order_id": order_id, "customer_id": None, "user_id": user_id}
    placed = world.seal(sample(orders.OrderPlaced, **whose), order_id)
    confirmed = world.seal(sample(orders.OrderConfirmed, **whose), order_id)

    early = [await world.deliver(placed) for _ in range(3)]
    await register(world, user_id, fresh_email())
    await world.settle(placed)
    await world.settle(confirmed)

    assert DONE not in early
    customer = await customer_of(world, user_id)
    assert customer.lifecycle is Lifecycle.CUSTOMER
    kinds = [kind for kind in await timeline_of(world.room, customer.id) if kind.startswith("order.")]
    assert kinds == ["order.placed", "order.confirmed"]


async def test_an_order_of_a_deleted_customer_is_kept_with_him(world: World) -> None:
    """He is not brought back: it shows when he is restored."""
    customer, order_id = await by_hand_created(world), new_id()
    await by_hand.delete_customer(customer.id, expected_version=None, room=world.room)

    await world.tell(sample(orders.OrderConfirmed, customer_id=customer.id, user_id=None), order_id)

    after = await world.room.customers.get_with_deleted(customer.id)
    assert (after.is_deleted, after.lifecycle) == (True, Lifecycle.CUSTOMER)


REPEATED: list[tuple[str, Callable[[UUID, UUID, Email], Event]]] = [
    ("user.registered", lambda user, _, email: identity.UserRegistered(user_id=user, email=email)),
    ("user.activated", lambda user, _, email: identity.UserActivated(user_id=user, email=email)),
    ("user.suspended", lambda user, _, __: identity.UserSuspended(user_id=user)),
    ("order.placed", lambda _, customer, __: sample(orders.OrderPlaced, customer_id=customer, user_id=None)),
    ("order.confirmed", lambda _, customer, __: sample(orders.OrderConfirmed, customer_id=customer, user_id=None)),
    ("payment.failed", lambda _, customer, __: sample(billing.PaymentFailed, customer_id=customer, user_id=None)),
]


@pytest.mark.parametrize("event_of", [event for _, event in REPEATED], ids=[name for name, _ in REPEATED])
async def test_a_redelivery_changes_nothing(world: World, event_of: Callable[[UUID, UUID, Email], Event]) -> None:
    """The same event three times: no second customer, version, fact or entry."""
    customer, user_id = await by_hand_created(world), uuid4()
    await register(world, user_id)
    envelope = await world.tell(event_of(user_id, customer.id, fresh_email()), new_id())
    seen = await _picture(world)

    for _ in range(2):
        assert await world.deliver(envelope) == DONE

    assert await _picture(world) == seen


async def _picture(world: World) -> list[Any]:
    customers = (await world.room.customers.list(CustomerFilter(), PAGE)).items
    return [(customer, await timeline_of(world.room, customer.id)) for customer in customers]


async def test_when_it_happened_counts_in_utc(world: World) -> None:
    """The move a fact caused stands at the fact's own time, right after it."""
    customer, at = await by_hand_created(world), datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)

    await world.tell(sample(orders.OrderPlaced, customer_id=customer.id, user_id=None, placed_at=at), new_id())

    first, second, _ = reversed((await world.room.timeline.list(customer.id, PAGE)).items)
    assert [(entry.kind, entry.occurred_at) for entry in (first, second)] == [
        ("order.placed", at),
        ("lifecycle.changed", at),
    ]
