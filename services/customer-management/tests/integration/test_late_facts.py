"""What a replayed dead letter does to customers when newer facts came before it, in both ledgers."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from customer_rooms import World, fresh_email, timeline_of
from promenade_chassis.ports import NotYet, PageRequest
from promenade_customer_management.customer.entity import Customer, Lifecycle, UserStatus
from promenade_customer_management.customer.repository import CustomerFilter
from promenade_customer_management.customer.use_cases import by_hand
from promenade_kernel.events import identity
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id
from promenade_kernel.values.phone import Phone


def registered(world: World, user_id: UUID, email: Email | None = None) -> Envelope:
    return world.seal(identity.UserRegistered(user_id=user_id, email=email, display_name="Ada"), user_id)


def activated(world: World, user_id: UUID, email: Email) -> Envelope:
    return world.seal(identity.UserActivated(user_id=user_id, email=email, display_name="Ada", locale="de"), user_id)


def verified(world: World, user_id: UUID, contact_id: UUID, value: str) -> Envelope:
    kind: Any = "email" if "@" in value else "phone"
    event = identity.ContactVerified(contact_id=contact_id, user_id=user_id, type=kind, value=value, is_primary=True)
    return world.seal(event, contact_id)


async def customer_of(world: World, user_id: UUID) -> Customer:
    customer = await world.room.customers.of_user(user_id)
    assert customer is not None
    return customer


async def replay(world: World, *envelopes: Envelope) -> None:
    for envelope in envelopes:
        await world.replay(envelope)


async def test_a_suspension_that_comes_after_the_reinstatement(world: World) -> None:
    """The customer's user stays reinstated; the timeline has the suspension where it belongs."""
    user_id = uuid4()
    await replay(world, registered(world, user_id))
    suspension = world.seal(identity.UserSuspended(user_id=user_id), user_id)
    await replay(world, world.seal(identity.UserReinstated(user_id=user_id), user_id))

    await replay(world, suspension)

    customer = await customer_of(world, user_id)
    assert customer.user_status is UserStatus.ACTIVE
    assert await timeline_of(world.room, customer.id) == ["customer.created", "user.suspended", "user.active"]


async def test_an_activation_that_comes_after_the_suspension(world: World) -> None:
    """It completes the lead, and leaves its user suspended."""
    user_id, email = uuid4(), fresh_email()
    first, activation = registered(world, user_id), activated(world, user_id, email)
    await replay(world, first, world.seal(identity.UserSuspended(user_id=user_id), user_id))

    await replay(world, activation)

    customer = await customer_of(world, user_id)
    assert (customer.user_status, customer.email, customer.locale) == (UserStatus.SUSPENDED, email, "de")


@pytest.mark.parametrize("is_known", [True, False], ids=["linked", "made"])
@pytest.mark.parametrize("turn", [1, -1], ids=["registration first", "activation first"])
async def test_what_became_of_a_user_before_his_customer_came(world: World, turn: int, *, is_known: bool) -> None:
    """Told while he had none, it shows on the one customer that the replays link or make."""
    user_id, email = uuid4(), fresh_email()
    if is_known:
        await by_hand.create_customer(Customer(name="Ada", email=email), room=world.room)
    late = [registered(world, user_id, email), activated(world, user_id, email)]
    await replay(world, world.seal(identity.UserDeleted(user_id=user_id), user_id))

    await replay(world, *late[::turn])

    assert (await customer_of(world, user_id)).user_status is UserStatus.DELETED
    assert len((await world.room.customers.list(CustomerFilter(), PageRequest(limit=10))).items) == 1


async def test_a_registration_that_comes_after_all_makes_no_second_customer(world: World) -> None:
    """Activation made him a customer, who was deleted by hand since: he is not new any more."""
    user_id, email = uuid4(), fresh_email()
    late = registered(world, user_id, email)
    await replay(world, activated(world, user_id, email))
    customer = await customer_of(world, user_id)
    await by_hand.delete_customer(customer.id, expected_version=None, room=world.room)

    await replay(world, late)

    assert await world.room.customers.of_user(user_id) is None
    assert await timeline_of(world.room, customer.id) == ["customer.created", "customer.deleted"]


async def test_a_contact_proved_earlier_never_takes_the_place_of_one_proved_later(world: World) -> None:
    """Of one contact the count of its facts decides, among several the time, the activation's address included."""
    user_id, newest, number = uuid4(), fresh_email(), Phone("+436601234567")
    first, contact = registered(world, user_id, fresh_email()), new_id()
    late = [
        activated(world, user_id, fresh_email()),
        verified(world, user_id, contact, fresh_email()),
        verified(world, user_id, new_id(), fresh_email()),
        verified(world, user_id, new_id(), "+436607654321"),
    ]
    await replay(world, first, verified(world, user_id, contact, newest), verified(world, user_id, new_id(), number))

    await replay(world, *late)

    customer = await customer_of(world, user_id)
    assert (customer.email, customer.phone, customer.user_status) == (newest, number, UserStatus.ACTIVE)


async def test_a_contact_waits_for_its_users_customer(world: World) -> None:
    """Of a user not heard of yet nothing is kept: the contact comes again, and is then no old news."""
    user_id, email = uuid4(), fresh_email()
    contact = verified(world, user_id, new_id(), email)

    with pytest.raises(NotYet):
        await replay(world, contact)
    await replay(world, registered(world, user_id), contact)

    customer = await customer_of(world, user_id)
    assert (customer.email, customer.lifecycle) == (email, Lifecycle.LEAD)
