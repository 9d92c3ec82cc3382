"""What the port `Contacts` promises of deleted contacts; on the fake and on PostgreSQL."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from identity_contacts import ContactStore
from promenade_chassis.ports import PageRequest
from promenade_identity.contact.entity import ContactType, EmailTaken
from promenade_kernel.values.address import Address
from promenade_kernel.values.phone import Phone

PHONE = Phone("+436601234567")
ADDRESS = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")


async def test_a_deleted_contact_is_only_seen_by_who_asks_for_it(contact_store: ContactStore, user_id: UUID) -> None:
    """Deleted contacts are in no answer but that of `get_with_deleted`."""
    contact = await contact_store.add(user_id, PHONE)
    assert await contact_store.contacts.get_with_deleted(contact.id) == contact

    await contact_store.delete(contact)

    assert await contact_store.contacts.find(contact.id) is None
    assert await contact_store.contacts.count(user_id, ContactType.PHONE) == 0
    assert await contact_store.ids(user_id, PageRequest()) == []
    assert await contact_store.contacts.get_with_deleted(contact.id) == contact


async def test_a_restored_contact_gives_way_to_the_living(contact_store: ContactStore, user_id: UUID) -> None:
    """A value that lives again elsewhere cannot be restored."""
    contact = await contact_store.add(user_id, PHONE)
    await contact_store.delete(contact)
    await contact_store.add(user_id, PHONE)

    contact.restore()
    with pytest.raises(EmailTaken):
        await contact_store.restore(contact)


async def test_a_restored_contact_lives_again(contact_store: ContactStore, user_id: UUID) -> None:
    """As it was, in every answer, one version on."""
    contact = await contact_store.add(user_id, PHONE)
    await contact_store.delete(contact)

    contact.restore()
    await contact_store.restore(contact)

    assert await contact_store.contacts.get(contact.id) == contact
    assert contact.version == 3
    assert await contact_store.ids(user_id, PageRequest()) == [contact.id]


async def test_all_living_contacts_of_a_user_are_counted(contact_store: ContactStore, user_id: UUID) -> None:
    """Of every type, deleted ones and those of others not."""
    for value in (None, None, PHONE, ADDRESS):
        await contact_store.add(user_id, value)
    await contact_store.delete(await contact_store.add(user_id))
    await contact_store.add(uuid4())

    async with contact_store.unit_of_work.begin():
        assert await contact_store.contacts.hold_all(user_id) == 4
