"""What the port `Contacts` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from identity_contacts import MOMENT, ContactStore, fresh_email
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.ports import NotFound, PageRequest, Place, StaleVersion
from promenade_identity.contact.entity import Contact, ContactExists, ContactType, ContactValue
from promenade_identity.contact.repository import ContactFilter
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

PHONE = Phone("+436601234567")
ADDRESS = Address(street="Main Street 1", city="Vienna", postal_code="1010", country="AT")


@pytest.mark.parametrize("value", [Email("Ada@example.com"), PHONE, ADDRESS], ids=["email", "phone", "address"])
async def test_a_contact_is_read_as_it_was_stored(
    contact_store: ContactStore, value: ContactValue, user_id: UUID
) -> None:
    """Every field survives the store, times to the microsecond."""
    contact = Contact(user_id=user_id, value=value, label="שלום", verified_at=MOMENT, code_requests=[MOMENT])

    async with contact_store.unit_of_work.begin():
        await contact_store.contacts.add(contact)

    read = await contact_store.contacts.get(contact.id)
    assert read == contact
    assert (read.version, read.last_sequence) == (1, 0)
    assert type(read.value) is type(value)


async def test_saving_counts_versions_and_facts(contact_store: ContactStore, user_id: UUID) -> None:
    """Each write is one version more, each recorded fact one in the sequence; then the facts are no longer pending."""
    contact = await contact_store.add(user_id)
    contact.request_code(MOMENT)
    contact.verify(MOMENT)

    await contact_store.save(contact)

    assert (contact.version, contact.last_sequence) == (2, 2)
    assert contact.recorded() == ()
    assert await contact_store.contacts.get(contact.id) == contact


async def test_what_was_read_changes_nothing_until_it_is_saved(contact_store: ContactStore, user_id: UUID) -> None:
    """Reading hands out a copy."""
    contact = await contact_store.add(user_id)

    read = await contact_store.contacts.get(contact.id)
    read.relabel("changed")

    assert (await contact_store.contacts.get(contact.id)).label is None


async def test_a_stale_version_loses(contact_store: ContactStore, user_id: UUID) -> None:
    """Of two that read the same version the second to save is refused, and nothing of its change stays."""
    contact = await contact_store.add(user_id)
    first, second = await contact_store.contacts.get(contact.id), await contact_store.contacts.get(contact.id)
    first.relabel("first")
    await contact_store.save(first)

    second.relabel("second")
    with pytest.raises(StaleVersion):
        await contact_store.save(second)

    assert (await contact_store.contacts.get(contact.id)).label == "first"


async def test_what_is_not_there_is_not_found(contact_store: ContactStore) -> None:
    """`get` raises, `find` answers None."""
    with pytest.raises(NotFound):
        await contact_store.contacts.get(uuid4())
    with pytest.raises(NotFound):
        await contact_store.contacts.get_with_deleted(uuid4())
    assert await contact_store.contacts.find(uuid4()) is None


@pytest.mark.parametrize(
    ("value", "again"),
    [
        (PHONE, PHONE),
        (Email("ada@example.com"), Email("ADA@Example.com")),
        (Email("ü@example.com"), Email("Ü@example.com")),
    ],
    ids=["phone", "email in capitals", "email in capitals beyond ASCII"],
)
async def test_a_user_has_a_value_once(
    contact_store: ContactStore, user_id: UUID, value: ContactValue, again: ContactValue
) -> None:
    """The same value is refused for the same user, however it is spelled, and free again once deleted."""
    contact = await contact_store.add(user_id, value)
    await contact_store.add(uuid4(), again)

    with pytest.raises(ContactExists):
        await contact_store.add(user_id, again)
    await contact_store.delete(contact)

    assert (await contact_store.add(user_id, again)).version == 1


async def test_a_value_is_not_changed_to_one_that_is_there(contact_store: ContactStore, user_id: UUID) -> None:
    """The same holds for changes."""
    one, two = await contact_store.add(user_id), await contact_store.add(user_id)
    one.change_value(two.value)

    with pytest.raises(ContactExists):
        await contact_store.save(one)


async def test_addresses_may_repeat(contact_store: ContactStore, user_id: UUID) -> None:
    """Two flats may share a street and number."""
    for _ in range(2):
        await contact_store.add(user_id, ADDRESS)

    assert await contact_store.contacts.count(user_id, ContactType.ADDRESS) == 2


async def test_there_is_one_primary_contact_of_a_type(contact_store: ContactStore, user_id: UUID) -> None:
    """A second primary one is refused as a lost race; other types and other users have their own."""
    contacts = [
        await contact_store.add(user_id),
        await contact_store.add(user_id),
        await contact_store.add(user_id, PHONE),
    ]
    contacts.append(await contact_store.add(uuid4()))
    for contact in contacts:
        contact.verify(MOMENT)
        contact.make_primary()
    first, second, phone, others = contacts
    for contact in (first, phone, others):
        await contact_store.save(contact)

    with pytest.raises(StaleVersion):
        await contact_store.save(second)

    assert await contact_store.contacts.primary(user_id, ContactType.EMAIL) == first
    assert await contact_store.contacts.primary(user_id, ContactType.PHONE) == phone
    assert await contact_store.contacts.primary(user_id, ContactType.ADDRESS) is None


async def test_a_list_is_one_users_newest_first(contact_store: ContactStore, user_id: UUID) -> None:
    """Lists show one user's contacts or everybody's, of one type or of all."""
    old, new, phone = (
        await contact_store.add(user_id),
        await contact_store.add(user_id),
        await contact_store.add(user_id, PHONE),
    )
    others = await contact_store.add(uuid4())

    assert await contact_store.ids(user_id, PageRequest()) == [phone.id, new.id, old.id]
    assert await contact_store.ids(user_id, PageRequest(), ContactType.EMAIL) == [new.id, old.id]
    assert await contact_store.ids(None, PageRequest()) == [others.id, phone.id, new.id, old.id]


async def test_pages_follow_each_other(contact_store: ContactStore, user_id: UUID) -> None:
    """A page goes on after the row named, which may be gone, and says where the next one begins."""
    contacts = [await contact_store.add(user_id) for _ in range(4)]
    newest_first, his = [contact.id for contact in reversed(contacts)], ContactFilter(user_id=user_id)

    page = await contact_store.contacts.list(his, PageRequest(limit=2))
    await contact_store.delete(contacts[2])
    rest = await contact_store.contacts.list(his, PageRequest(limit=2, after=page.next_after))

    assert page.next_after == Place(newest_first[1])
    assert [contact.id for contact in page.items + rest.items] == newest_first
    assert rest.next_after is None


async def test_a_rolled_back_unit_of_work_leaves_nothing(contact_store: ContactStore, user_id: UUID) -> None:
    """All or nothing; an inner unit of work may fail without taking the outer one along."""
    lost, kept = Contact(user_id=user_id, value=fresh_email()), Contact(user_id=user_id, value=fresh_email())

    with suppress(LookupError):
        async with contact_store.unit_of_work.begin():
            await contact_store.contacts.add(lost)
            raise LookupError
    async with contact_store.unit_of_work.begin():
        await contact_store.contacts.add(kept)
        with suppress(LookupError):
            async with contact_store.unit_of_work.begin():
                await contact_store.contacts.add(Contact(user_id=user_id, value=fresh_email()))
                raise LookupError

    assert await contact_store.ids(user_id, PageRequest()) == [kept.id]


async def test_writes_need_a_unit_of_work(contact_store: ContactStore, user_id: UUID) -> None:
    """A write outside is a mistake of the programmer's, not of the caller's."""
    with pytest.raises(TransactionMisuse):
        await contact_store.contacts.add(Contact(user_id=user_id, value=PHONE))


async def test_contacts_go_and_come_back_with_their_user(contact_store: ContactStore) -> None:
    """Those that went at that moment, the primary one as such; what was deleted before stays so, others' stay."""
    user_id, other = uuid4(), uuid4()
    primary, plain, gone = [await contact_store.add(user_id) for _ in range(3)]
    theirs = await contact_store.add(other)
    primary.verify(MOMENT)
    primary.make_primary()
    await contact_store.save(primary)
    await contact_store.delete(gone)
    moment = MOMENT + timedelta(days=1)

    async with contact_store.unit_of_work.begin():
        await contact_store.contacts.delete_with(user_id, moment)
    assert await contact_store.ids(user_id, PageRequest()) == []
    async with contact_store.unit_of_work.begin():
        await contact_store.contacts.restore_with(user_id, moment)

    assert set(await contact_store.ids(user_id, PageRequest())) == {primary.id, plain.id}
    assert (await contact_store.contacts.get(primary.id)).is_primary
    assert (await contact_store.contacts.get(plain.id)).version == plain.version + 2
    assert await contact_store.contacts.get(theirs.id) == theirs
