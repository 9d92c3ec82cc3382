"""What the port `Customers` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from billing_orders import EUR, HOME
from billing_rooms import World
from promenade_billing.customer.entity import Customer
from promenade_billing.customer.use_cases import copy_customer, mark_customer_deleted
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.testing.events import sealed
from promenade_kernel.events.customer_management import CustomerCreated, CustomerDeleted, CustomerUpdated
from promenade_kernel.events.samples.customer_management import SAMPLES
from promenade_kernel.values.email import Email


def a_customer(sequence: int = 1) -> Customer:
    return Customer(
        id=uuid4(),
        sequence=sequence,
        status="active",
        name="Ada",
        email=Email("ada@example.com"),
        user_id=uuid4(),
        currency=EUR,
        timezone="Europe/Vienna",
        billing_address=HOME,
    )


async def test_a_copy_is_read_as_it_was_made(either: World) -> None:
    """Every field survives the store, absent ones too."""
    room, full = either.rooms.customer, a_customer()
    bare = Customer(id=uuid4(), sequence=1, status="active", name="Bob")
    await copy_customer(full, room=room)
    await copy_customer(bare, room=room)

    assert [await room.customers.find(customer.id) for customer in (full, bare)] == [full, bare]
    assert full.user_id is not None
    assert await room.customers.of_user(full.user_id) == full


@pytest.mark.parametrize("sequence", [1, 2])
async def test_what_is_not_newer_never_overwrites(either: World, sequence: int) -> None:
    """An older copy, and the same once more, leave the newer one alone; a newer one replaces all of it."""
    room, newer = either.rooms.customer, a_customer(sequence=2)
    await copy_customer(newer, room=room)

    await copy_customer(replace(newer, sequence=sequence, name="Before"), room=room)
    assert await room.customers.find(newer.id) == newer

    newest = Customer(id=newer.id, sequence=3, status="active", name="After")
    await copy_customer(newest, room=room)
    assert await room.customers.find(newer.id) == newest


async def test_a_deleted_customer_is_kept_but_is_nobodys(either: World) -> None:
    """What is known of him stays, and his user has no customer any more; what is older does not revive him."""
    room, customer = either.rooms.customer, a_customer()
    assert customer.user_id is not None
    await copy_customer(customer, room=room)

    await mark_customer_deleted(customer.id, customer.user_id, 3, room=room)
    await copy_customer(replace(customer, sequence=2), room=room)

    assert await room.customers.find(customer.id) == replace(customer, sequence=3, status="deleted")
    assert await room.customers.of_user(customer.user_id) is None


async def test_one_who_was_deleted_before_he_was_heard_of(either: World) -> None:
    """What comes late finds that he is gone."""
    room, customer = either.rooms.customer, a_customer()
    await mark_customer_deleted(customer.id, customer.user_id, 2, room=room)

    await copy_customer(customer, room=room)

    found = await room.customers.find(customer.id)
    assert found is not None
    assert (found.is_deleted, found.name, found.sequence) == (True, None, 2)


async def test_of_several_customers_the_first_living_is_the_users(either: World) -> None:
    """The same answer every time."""
    room, user_id = either.rooms.customer, uuid4()
    copies = sorted((replace(a_customer(), user_id=user_id) for _ in range(3)), key=lambda copy: copy.id)
    for customer in reversed(copies):
        await copy_customer(customer, room=room)
    await mark_customer_deleted(copies[0].id, user_id, 2, room=room)

    assert await room.customers.of_user(user_id) == copies[1]


async def test_copies_need_a_unit_of_work(either: World) -> None:
    """A copy commits with the inbox row of its event."""
    with pytest.raises(TransactionMisuse):
        await either.rooms.customer.customers.put(a_customer())
    with pytest.raises(TransactionMisuse):
        await either.rooms.customer.customers.mark_deleted(uuid4(), None, 1)


async def test_the_producers_own_samples_are_understood(either: World) -> None:
    """What customer management publishes as its samples is copied, one after the other."""
    reactions = {
        CustomerCreated: either.reactions.on_customer_created,
        CustomerUpdated: either.reactions.on_customer_updated,
        CustomerDeleted: either.reactions.on_customer_deleted,
    }
    for sequence, sample in enumerate(SAMPLES, start=1):
        await reactions[type(sample)](sample, sealed(sample, subject=sample.customer_id, sequence=sequence))

    created = next(sample for sample in SAMPLES if isinstance(sample, CustomerCreated))
    found = await either.rooms.customer.customers.find(created.customer_id)
    assert found is not None
    assert found.sequence == len(SAMPLES)
    assert found.name is not None
