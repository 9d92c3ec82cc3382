"""What the port `Contacts` promises of deleted contacts; on the fake and on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from identity_contacts import MOMENT, ContactStore
from promenade_chassis.ports import PageRequest
from promenade_identity.contact.entity import ContactType, EmailTaken
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

PHONE = Phone("+436601234567")


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


async def test_code_requests_are_remembered_by_value(contact_store: ContactStore, user_id: UUID) -> None:
    """Under deleted contacts too, however the address is spelled; other users and other values have their own."""
    later = MOMENT + timedelta(minutes=2)
    deleted = await contact_store.add(user_id, Email("ada@example.com"))
    deleted.request_code(MOMENT)
    await contact_store.delete(deleted)
    living = await contact_store.add(user_id, Email("ADA@example.com"))
    living.request_code(later)
    await contact_store.save(living)

    assert sorted(await contact_store.contacts.code_requests(user_id, living.value)) == [MOMENT, later]
    assert await contact_store.contacts.code_requests(user_id, PHONE) == []
    assert await contact_store.contacts.code_requests(uuid4(), living.value) == []
