"""What events about users do to customers, in both ledgers."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from customer_rooms import World, fresh_email, sample, timeline_of
from promenade_chassis.events.outcome import DONE
from promenade_chassis.ports import PageRequest
from promenade_customer_management.customer.entity import Customer, Lifecycle, UserStatus
from promenade_customer_management.customer.repository import CustomerFilter
from promenade_customer_management.customer.use_cases import by_hand
from promenade_kernel.events import identity
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id
from promenade_kernel.values.phone import Phone

PAGE = PageRequest(limit=100)


async def by_hand_created(world: World, **fields: Any) -> Customer:
    customer, _ = await by_hand.create_customer(Customer(**{"name": "Ada", **fields}), room=world.room)
    return customer


async def register(world: World, user_id: UUID, email: Email | None = None, name: str | None = None) -> None:
    event = identity.UserRegistered(user_id=user_id, email=email, display_name=name)
    await world.tell(event, user_id)


async def activate(world: World, user_id: UUID, email: Email, **more: Any) -> None:
    await world.tell(identity.UserActivated(user_id=user_id, email=email, **more), user_id)


async def customer_of(world: World, user_id: UUID) -> Customer:
    customer = await world.room.customers.of_user(user_id)
    assert customer is not None
    return customer


async def everybody(world: World) -> list[UUID]:
    return [customer.id for customer in (await world.room.customers.list(CustomerFilter(), PAGE)).items]


async def test_who_registers_becomes_a_lead(world: World) -> None:
    """One lead with the user, the email and the name told; without a name, what stands before the @."""
    named, nameless, bare = uuid4(), uuid4(), uuid4()

    await register(world, named, fresh_email(), "Ada Lovelace")
    await register(world, nameless, Email(f"eve-{nameless.hex}@example.com"))
    await register(world, bare)

    ada = await customer_of(world, named)
    assert (ada.name, ada.lifecycle, ada.user_status) == ("Ada Lovelace", Lifecycle.LEAD, UserStatus.PENDING)
    assert ada.source == "registration"
    assert (await customer_of(world, nameless)).name == f"eve-{nameless.hex}"
    assert (await customer_of(world, bare)).name == "Unnamed"
    assert await timeline_of(world.room, ada.id) == ["customer.created"]


async def test_an_unlinked_customer_waits_for_the_proof(world: World) -> None:
    """Registering with the email of a customer made by hand does nothing; proving it links that one, as it is."""
    user_id, email = uuid4(), fresh_email()
    customer = await by_hand_created(world, email=email, name="Ada, by hand")
    spelled = Email(email.upper())

    await register(world, user_id, spelled, "Somebody")
    assert await world.room.customers.of_user(user_id) is None
    await activate(world, user_id, spelled, display_name="Somebody", locale="de-AT")

    linked = await customer_of(world, user_id)
    assert (linked.id, linked.name, linked.email) == (customer.id, "Ada, by hand", email)
    assert (linked.user_status, linked.locale, linked.version) == (UserStatus.ACTIVE, "de-AT", 2)
    assert await everybody(world) == [customer.id]
    assert await timeline_of(world.room, customer.id) == ["customer.created", "user.linked"]


async def test_an_address_of_another_users_customer(world: World) -> None:
    """The second user gets a lead without email and a note that names the other; the first keeps what he has."""
    first, second, email = uuid4(), uuid4(), fresh_email()
    await register(world, first, email)
    await activate(world, first, email)

    await register(world, second, Email(email.upper()), "Eve")
    assert (await customer_of(world, second)).email is None
    await activate(world, second, Email(email.upper()), display_name="Eve")

    mine, theirs = await customer_of(world, second), await customer_of(world, first)
    assert (mine.email, mine.name, mine.lifecycle, mine.user_status) == (None, "Eve", Lifecycle.LEAD, UserStatus.ACTIVE)
    assert theirs.email == email
    entries = (await world.room.timeline.list(mine.id, PAGE)).items
    notes = [entry.data for entry in entries if entry.kind == "customer.possible-duplicates"]
    assert notes == [{"customers": [str(theirs.id)]}]


async def test_the_address_of_a_deleted_user_is_free_again(world: World) -> None:
    """Not by registering, which proves nothing: to who proves it, and the customer of before keeps the rest."""
    first, second, email = uuid4(), uuid4(), fresh_email()
    await register(world, first, email)
    await activate(world, first, email, display_name="Ada")
    await world.tell(identity.UserDeleted(user_id=first), first)

    await register(world, second, email, "Eve")
    unproved = (await customer_of(world, first)).email
    await activate(world, second, email)

    theirs, mine = await customer_of(world, first), await customer_of(world, second)
    assert (unproved, theirs.email, mine.email) == (email, None, email)
    assert (theirs.name, theirs.user_status) == ("Ada", UserStatus.DELETED)
    assert (await timeline_of(world.room, theirs.id))[-1] == "customer.email-passed-on"


async def test_a_lead_whose_address_was_taken_meanwhile(world: World) -> None:
    """A user keeps his one customer when another unlinked one has the proved address: a note says so."""
    user_id, email = uuid4(), fresh_email()
    await register(world, user_id)
    other = await by_hand_created(world, email=email)

    await activate(world, user_id, email)

    mine = await customer_of(world, user_id)
    assert (mine.id != other.id, mine.email, mine.user_status) == (True, None, UserStatus.ACTIVE)
    assert await timeline_of(world.room, mine.id) == ["customer.created", "customer.possible-duplicates"]
    assert (await world.room.customers.get(other.id)).user_id is None


async def test_who_waited_for_nobody_gets_a_lead_when_proved(world: World) -> None:
    """The unlinked customer was deleted before the proof: the user gets a lead of his own, with the address."""
    user_id, email = uuid4(), fresh_email()
    waiting = await by_hand_created(world, email=email)
    await register(world, user_id, email)
    await by_hand.delete_customer(waiting.id, expected_version=None, room=world.room)

    await activate(world, user_id, email, display_name="Ada", locale="en")

    mine = await customer_of(world, user_id)
    assert (mine.email, mine.name, mine.locale, mine.user_status) == (email, "Ada", "en", UserStatus.ACTIVE)


async def test_what_becomes_of_the_user_shows(world: World) -> None:
    """Suspended, reinstated, deleted: a flag and an entry each, also on a customer who is deleted meanwhile."""
    user_id = uuid4()
    await register(world, user_id, fresh_email())
    customer = await customer_of(world, user_id)
    told: list[UserStatus] = []

    for event in (identity.UserSuspended(user_id=user_id), identity.UserReinstated(user_id=user_id)):
        await world.tell(event, user_id)
        told.append((await customer_of(world, user_id)).user_status)
    await by_hand.delete_customer(customer.id, expected_version=None, room=world.room)
    await world.tell(identity.UserDeleted(user_id=user_id), user_id)
    restored = await by_hand.restore_customer(customer.id, expected_version=None, room=world.room)

    assert told == [UserStatus.SUSPENDED, UserStatus.ACTIVE]
    assert restored.user_status is UserStatus.DELETED
    assert await timeline_of(world.room, customer.id) == [
        "customer.created",
        "user.suspended",
        "user.active",
        "customer.deleted",
        "user.deleted",
        "customer.restored",
    ]


async def test_proved_contacts_are_learned(world: World) -> None:
    """The primary email and phone are copied; others, and an address another customer has, are left alone."""
    user_id, proved, taken = uuid4(), fresh_email(), fresh_email()
    await register(world, user_id, fresh_email())
    await by_hand_created(world, email=taken)

    async def verified(kind: Any, value: str, *, primary: bool) -> None:
        event = identity.ContactVerified(
            contact_id=new_id(), user_id=user_id, type=kind, value=value, is_primary=primary
        )
        await world.tell(event, event.contact_id)

    await verified("email", proved, primary=True)
    await verified("phone", "+436601234567", primary=True)
    await verified("email", fresh_email(), primary=False)
    await verified("phone", "+436607654321", primary=False)
    await verified("email", taken, primary=True)

    customer = await customer_of(world, user_id)
    assert (customer.email, customer.phone) == (proved, Phone("+436601234567"))


async def test_a_contact_of_a_deleted_customer_waits_for_nothing(world: World) -> None:
    """Who was deleted by hand learns nothing more; the event is done all the same."""
    user_id = uuid4()
    await register(world, user_id)
    customer = await customer_of(world, user_id)
    await by_hand.delete_customer(customer.id, expected_version=None, room=world.room)
    event = sample(identity.ContactVerified, user_id=user_id, type="phone", value="+436601234567", is_primary=True)

    assert await world.deliver(world.seal(event, new_id())) == DONE

    assert (await world.room.customers.get_with_deleted(customer.id)).phone is None
