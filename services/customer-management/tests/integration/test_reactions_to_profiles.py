"""What profiles and contacts of users do to their customers, in both ledgers."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from customer_rooms import World, fresh_email, sample, timeline_of
from promenade_chassis.events.outcome import DONE, Again
from promenade_chassis.ports import NotYet, PageRequest
from promenade_customer_management.customer.entity import Customer, UserStatus
from promenade_customer_management.customer.use_cases import by_hand
from promenade_kernel.events import identity
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.registry import wire_type
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

REACTED_TO = [
    *("user.registered.v1", "user.activated.v1", "user.suspended.v1", "user.reinstated.v1", "user.deleted.v1"),
    *("user.restored.v1", "profile.updated.v1", "contact.verified.v1", "contact.made-primary.v1"),
]
FIRST, SECOND, THIRD = "+436601234567", "+436607654321", "+4915112345678"


async def user_with_customer(world: World, **fields: Any) -> UUID:
    """An active user, whose customer has what was made by hand of it."""
    user_id, email = uuid4(), fresh_email()
    await world.tell(identity.UserRegistered(user_id=user_id, email=email, display_name="Ada"), user_id)
    await world.tell(identity.UserActivated(user_id=user_id, email=email, display_name="Ada", locale="de"), user_id)
    await change(world, user_id, **fields)
    return user_id


async def customer_of(world: World, user_id: UUID) -> Customer:
    customer = await world.room.customers.of_user(user_id)
    assert customer is not None
    return customer


async def change(world: World, user_id: UUID, **fields: Any) -> None:
    """Somebody of the staff changes the customer."""
    customer = await customer_of(world, user_id)
    await by_hand.change_customer(customer.id, fields, expected_version=None, room=world.room)


def updated(world: World, user_id: UUID, profile_id: UUID, **fields: Any) -> Envelope:
    return world.seal(identity.ProfileUpdated(profile_id=profile_id, user_id=user_id, **fields), profile_id)


async def verified(world: World, user_id: UUID, contact_id: UUID, value: str, *, primary: bool = False) -> None:
    kind: Any = "email" if "@" in value else "phone"
    await world.tell(
        identity.ContactVerified(contact_id=contact_id, user_id=user_id, type=kind, value=value, is_primary=primary),
        contact_id,
    )


async def made_primary(world: World, user_id: UUID, contact_id: UUID, value: str) -> None:
    kind: Any = "email" if "@" in value else "phone"
    event = identity.ContactMadePrimary(contact_id=contact_id, user_id=user_id, type=kind, value=value)
    await world.tell(event, contact_id)


@pytest.mark.parametrize("wire", REACTED_TO)
async def test_the_producers_samples_are_understood(world: World, wire: str) -> None:
    """Each of them takes effect: Ada's customer shows what it tells, and nothing is given up."""
    user_id = sample(identity.UserActivated).user_id
    if wire != "user.registered.v1":
        await world.tell(sample(identity.UserRegistered), user_id)
    event = SAMPLES[wire]

    await world.tell(event, user_id if wire.startswith("user.") else uuid4())

    customer = await customer_of(world, user_id)
    expected: dict[type, dict[str, Any]] = {
        identity.UserRegistered: {"user_status": "pending", "name": "Ada Lovelace"},
        identity.UserActivated: {"user_status": "active", "locale": "en-GB"},
        identity.UserSuspended: {"user_status": "suspended"},
        identity.UserReinstated: {"user_status": "active"},
        identity.UserDeleted: {"user_status": "deleted"},
        identity.UserRestored: {"user_status": "active"},
        identity.ProfileUpdated: {"name": "Ada Lovelace", "locale": "en-GB", "timezone": "Europe/Vienna"},
        identity.ContactVerified: {"phone": "+4915112345678"},
        identity.ContactMadePrimary: {"phone": "+4915112345678"},
    }
    assert wire_type(event) == wire
    assert {name: getattr(customer, name) for name in expected[type(event)]} == expected[type(event)]


async def test_what_a_user_tells_of_himself_is_copied(world: World) -> None:
    """Name, locale and timezone; the timeline says which fields changed, and keeps no names."""
    user_id, profile_id = await user_with_customer(world), uuid4()

    await world.settle(
        updated(world, user_id, profile_id, display_name="Augusta", locale="en-GB", timezone="Europe/London")
    )
    await world.settle(updated(world, user_id, profile_id, display_name="Augusta", country="GB"))

    customer = await customer_of(world, user_id)
    assert (customer.name, customer.locale, customer.timezone) == ("Augusta", None, None)
    entries = (await world.room.timeline.list(customer.id, PageRequest())).items
    told = [entry.data for entry in reversed(entries) if entry.kind == "user.told"]
    assert told == [{"fields": ["locale", "name", "timezone"]}, {"fields": ["locale", "timezone"]}]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"given_name": "Augusta", "family_name": "King"}, "Augusta King"),
        ({"given_name": "x" * 100, "family_name": "y" * 100}, "x" * 100 + " " + "y" * 99),
        ({"display_name": "The Countess", "given_name": "Augusta"}, "The Countess"),
        ({}, "Ada"),
    ],
    ids=["given and family name", "too long together", "display name first", "none at all"],
)
async def test_a_customer_always_has_a_name(world: World, names: dict[str, str], expected: str) -> None:
    """What the user is called, else given and family name, else what it was."""
    user_id = await user_with_customer(world)

    await world.settle(updated(world, user_id, uuid4(), **names))

    assert (await customer_of(world, user_id)).name == expected


async def test_what_staff_changed_stays_until_the_user_tells_something_else(world: World) -> None:
    """A new timezone is no reason to take a name back; a new name is."""
    user_id, profile_id = await user_with_customer(world, name="Countess of Lovelace"), uuid4()

    await world.settle(updated(world, user_id, profile_id, display_name="Ada", locale="de", timezone="Europe/London"))
    kept = await customer_of(world, user_id)
    await world.settle(updated(world, user_id, profile_id, display_name="Augusta", locale="de"))

    assert (kept.name, kept.locale, kept.timezone) == ("Countess of Lovelace", "de", "Europe/London")
    assert (await customer_of(world, user_id)).name == "Augusta"


async def test_an_older_profile_never_takes_the_place_of_a_newer_one(world: World) -> None:
    """Replayed late it changes nothing; nor does the activation."""
    user_id, email, profile_id = uuid4(), fresh_email(), uuid4()
    await world.tell(identity.UserRegistered(user_id=user_id, email=email), user_id)
    activation = world.seal(identity.UserActivated(user_id=user_id, email=email, display_name="Eve"), user_id)
    older = updated(world, user_id, profile_id, display_name="Ada", locale="de")
    await world.replay(updated(world, user_id, profile_id, display_name="Augusta", locale="en"))

    await world.replay(older)
    await world.replay(activation)

    customer = await customer_of(world, user_id)
    assert (customer.name, customer.locale, customer.user_status) == ("Augusta", "en", UserStatus.ACTIVE)


async def test_a_name_nobody_proved_goes_with_the_attempt_that_brought_it(world: World) -> None:
    """Who registered a stranger's address and name is not what the owner is called, who gave none."""
    user_id = uuid4()
    await world.tell(
        identity.UserRegistered(user_id=user_id, email=Email(f"ada-{user_id.hex}@example.com"), display_name="Eve"),
        user_id,
    )

    await world.tell(identity.UserActivated(user_id=user_id, email=Email(f"ada-{user_id.hex}@example.com")), user_id)

    assert (await customer_of(world, user_id)).name == f"ada-{user_id.hex}"


async def test_a_profile_waits_for_its_users_customer(world: World) -> None:
    """Of a user not heard of yet nothing is kept; of one whose customer is deleted nothing is changed."""
    user_id, profile_id = uuid4(), uuid4()
    first = updated(world, user_id, profile_id, display_name="Augusta")
    with pytest.raises(NotYet):
        await world.replay(first)
    await world.tell(identity.UserRegistered(user_id=user_id, display_name="Ada"), user_id)

    await world.settle(first)
    customer = await customer_of(world, user_id)
    await by_hand.delete_customer(customer.id, expected_version=None, room=world.room)
    outcome = await world.deliver(updated(world, user_id, profile_id, display_name="Eve"))

    assert (customer.name, outcome) == ("Augusta", DONE)
    assert (await world.room.customers.get_with_deleted(customer.id)).name == "Augusta"
    assert "user.told" in await timeline_of(world.room, customer.id)


@pytest.mark.parametrize("wire", ["profile.updated.v1", "contact.verified.v1", "contact.made-primary.v1"])
async def test_nothing_waits_for_a_user_deleted_before_he_had_a_customer(world: World, wire: str) -> None:
    """Invited, and then he never came: what he told waits as long as he may come, and no longer."""
    event: Any = SAMPLES[wire]
    envelope = world.seal(event, uuid4())
    before = await world.deliver(envelope)

    await world.tell(identity.UserDeleted(user_id=event.user_id), event.user_id)
    await world.settle(envelope)

    assert isinstance(before, Again)
    assert await world.room.customers.ever_of_user(event.user_id) is None


async def test_a_contact_that_becomes_primary_is_learned(world: World) -> None:
    """Verifying it alone does not change the primary address; making it primary does, and another one again."""
    user_id, one, other = await user_with_customer(world), uuid4(), uuid4()
    before, first, second = (await customer_of(world, user_id)).email, fresh_email(), fresh_email()

    await verified(world, user_id, one, first)
    await verified(world, user_id, other, second)
    only_verified = (await customer_of(world, user_id)).email
    await made_primary(world, user_id, one, first)
    then = (await customer_of(world, user_id)).email
    await made_primary(world, user_id, other, second)

    assert (only_verified, then) == (before, first)
    assert (await customer_of(world, user_id)).email == second


async def test_what_the_customer_has_already_is_no_change(world: World) -> None:
    """The address of the registration, proved and made primary, leaves no trace on the timeline."""
    user_id, contact = await user_with_customer(world), uuid4()
    before = await customer_of(world, user_id)
    assert before.email is not None

    await verified(world, user_id, contact, before.email, primary=True)
    await made_primary(world, user_id, contact, before.email)

    assert await customer_of(world, user_id) == before
    assert await timeline_of(world.room, before.id) == ["customer.created"]


async def test_an_address_that_cannot_be_taken_keeps_no_other_away(world: World) -> None:
    """Another customer has the newer one: the one proved before, which comes late, is the user's."""
    user_id, mine, taken = await user_with_customer(world), fresh_email(), fresh_email()
    await by_hand.create_customer(Customer(name="Eve", email=taken), room=world.room)
    contact = uuid4()
    late = world.seal(
        identity.ContactMadePrimary(contact_id=contact, user_id=user_id, type="email", value=mine), contact
    )
    await made_primary(world, user_id, uuid4(), taken)

    await world.replay(late)

    assert (await customer_of(world, user_id)).email == mine


async def test_a_verified_phone_stands_in_for_the_primary_one(world: World) -> None:
    """The newest is copied while none is primary; once one is, no other is."""
    user_id, contacts = await user_with_customer(world), [uuid4(), uuid4(), uuid4()]
    seen: list[Phone | None] = []

    async def look() -> None:
        seen.append((await customer_of(world, user_id)).phone)

    await look()
    await verified(world, user_id, contacts[0], FIRST)
    await look()
    await verified(world, user_id, contacts[1], SECOND)
    await look()
    await made_primary(world, user_id, contacts[0], FIRST)
    await look()
    await verified(world, user_id, contacts[2], THIRD)
    await look()

    assert seen == [None, FIRST, SECOND, FIRST, FIRST]


async def test_no_phone_stands_in_for_one_that_was_typed_in(world: World) -> None:
    """What staff wrote stays until a primary one is told."""
    user_id, contact = await user_with_customer(world, phone=Phone(THIRD)), uuid4()

    await verified(world, user_id, contact, FIRST)
    await verified(world, user_id, uuid4(), SECOND)
    typed_in = (await customer_of(world, user_id)).phone
    await made_primary(world, user_id, contact, FIRST)

    assert typed_in == THIRD
    assert (await customer_of(world, user_id)).phone == FIRST


@pytest.mark.parametrize("status", ["active", "suspended", "pending"])
async def test_a_restored_user_shows_as_what_he_was(world: World, status: Any) -> None:
    """Deleted, then back; the timeline has both."""
    user_id = await user_with_customer(world)
    await world.tell(identity.UserDeleted(user_id=user_id), user_id)

    await world.tell(identity.UserRestored(user_id=user_id, email=fresh_email(), status=status), user_id)

    customer = await customer_of(world, user_id)
    assert customer.user_status == status
    assert (await timeline_of(world.room, customer.id))[-2:] == ["user.deleted", f"user.{status}"]
