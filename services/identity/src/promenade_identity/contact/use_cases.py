"""Commands and queries of contacts: one async function each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from promenade_chassis.ports import Fault, Invalid, NotFound, Page, PageRequest, Principal, UnitOfWork, utc_now
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_identity.code.entity import CODES_AN_HOUR_FROM_ALL, CodeMint, CodeRequest, Purpose
from promenade_identity.code.repository import CodeRequests, Codes
from promenade_identity.contact.entity import (
    CONTACTS_A_USER,
    Contact,
    ContactType,
    ContactValue,
    InvalidCode,
    TooManyContacts,
    type_of,
)
from promenade_identity.contact.repository import ContactFilter, Contacts, Owners
from promenade_identity.mail.repository import Mails, MailTemplates, TextMessages

READ, WRITE = "contacts:read", "contacts:write"


@dataclass(frozen=True, slots=True)
class ContactRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    contacts: Contacts
    owners: Owners
    codes: Codes
    code_requests: CodeRequests
    mint: CodeMint
    mails: Mails
    templates: MailTemplates
    text_messages: TextMessages


@dataclass(frozen=True, slots=True)
class ContactChanges:
    """What a PATCH names; `changes_label` tells a label cleared from one left alone."""

    values: tuple[ContactValue, ...] = ()
    label: str | None = None
    changes_label: bool = False


async def add_contact(
    value: ContactValue,
    label: str | None,
    *,
    user_id: UUID | None,
    principal: Principal,
    room: ContactRoom,
) -> Contact:
    """Add a contact to oneself, or with contacts:write to another user.

    Raises `ContactExists`, `TooManyContacts`, `NotFound`.
    """
    contact = Contact(user_id=_owner(user_id, principal, WRITE), value=value, label=label)
    async with room.unit_of_work.begin():
        if contact.user_id != principal.id and not await room.owners.hold(contact.user_id):
            raise NotFound("There is no such user")
        await room.owners.require_outranked(contact.user_id, principal)
        await _require_room(contact.user_id, room)
        await room.contacts.add(contact)
    return contact


async def list_contacts(
    wanted: ContactFilter, page: PageRequest, *, principal: Principal, room: ContactRoom
) -> Page[Contact]:
    """One's own contacts; with contacts:read everybody's, or those of the user that is named."""
    if wanted.user_id is not None or not principal.may(READ):
        wanted = replace(wanted, user_id=_owner(wanted.user_id, principal, READ))
    return await room.contacts.list(wanted, page)


async def get_contact(contact_id: UUID, *, principal: Principal, room: ContactRoom) -> Contact:
    """A contact one may see; raises `NotFound` for others."""
    contact = await room.contacts.get(contact_id)
    principal.require_reach(contact.user_id, READ, "contact")
    return contact


async def change_contact(
    contact_id: UUID,
    changes: ContactChanges,
    *,
    expected_version: int | None,
    principal: Principal,
    room: ContactRoom,
) -> Contact:
    """Change label or value; a new value has to be verified again."""
    async with room.unit_of_work.begin():
        contact = await _load(contact_id, expected_version, principal, room)
        if changes.changes_label:
            contact.relabel(changes.label)
        _require_type(contact.type, changes.values)
        for value in changes.values:
            contact.change_value(value)
        await room.contacts.save(contact)
    return contact


async def delete_contact(
    contact_id: UUID,
    *,
    expected_version: int | None,
    principal: Principal,
    room: ContactRoom,
) -> None:
    """Soft-delete; raises `PrimaryContact` while others of its type exist."""
    async with room.unit_of_work.begin():
        contact = await _load(contact_id, expected_version, principal, room)
        others = await room.contacts.count(contact.user_id, contact.type) > 1
        contact.delete(utc_now(), others=others)
        await room.contacts.save(contact)


async def restore_contact(
    contact_id: UUID,
    *,
    expected_version: int | None,
    principal: Principal,
    room: ContactRoom,
) -> Contact:
    """Bring a deleted contact back, a living one stays; raises `EmailTaken` when he has it again, `TooManyContacts`."""
    async with room.unit_of_work.begin():
        contact = await room.contacts.get_with_deleted(contact_id)
        await _require_changeable(contact, expected_version, principal, room)
        if not contact.is_deleted:
            return contact
        await _require_room(contact.user_id, room)
        contact.restore()
        await room.contacts.restore(contact)
    return contact


async def send_contact_code(
    contact_id: UUID,
    *,
    expected_version: int | None,
    principal: Principal,
    room: ContactRoom,
) -> None:
    """Ask for a code to be sent; raises `TooManyCodes`.

    Whether it is sent also depends on what other users have asked for the same address or number. That shows in no
    answer, since it would tell of them.
    """
    now = utc_now()
    async with room.unit_of_work.begin():
        contact = await _load(contact_id, expected_version, principal, room)
        asked = await room.code_requests.hold(Purpose.VERIFY_CONTACT, contact.value_key, now)
        mine = [request.asked_at for request in asked if request.user_id == contact.user_id]
        contact.request_code(now, mine, is_sent=len(asked) < CODES_AN_HOUR_FROM_ALL)
        await room.code_requests.add(Purpose.VERIFY_CONTACT, contact.value_key, CodeRequest(contact.user_id, now))
        await room.contacts.save(contact)


async def issue_contact_code(
    contact_id: UUID,
    value: str,
    *,
    room: ContactRoom,
) -> None:
    """Make the code that was asked for and send it on its way; the digest and the mail commit together.

    Nothing is sent to an address or number that has taken the place of that `value` since: nobody asked for it.
    """
    async with room.unit_of_work.begin():
        contact = await room.contacts.find(contact_id)
        if contact is None or contact.is_verified or str(contact.value) != value:
            return
        code, issued = room.mint.issue(Purpose.VERIFY_CONTACT, contact.id, utc_now(), proves=str(contact.value))
        await room.codes.replace(issued)
        if isinstance(contact.value, Email):
            await room.mails.queue(room.templates.render("contact-code", contact.value, code=code))
        elif isinstance(contact.value, Phone):
            await room.text_messages.queue(contact.value, f"Your Promenade code is {code}")


async def verify_contact(
    contact_id: UUID,
    code: str,
    *,
    expected_version: int | None,
    principal: Principal,
    room: ContactRoom,
) -> Contact:
    """Prove a contact with its code; raises `InvalidCode` after having counted the try."""
    now = utc_now()
    async with room.unit_of_work.begin():
        contact = await _load(contact_id, expected_version, principal, room)
        digest = room.mint.digest(Purpose.VERIFY_CONTACT, contact.id, code, proves=str(contact.value))
        redeemed = await room.codes.redeem(Purpose.VERIFY_CONTACT, contact.id, digest, now)
        if redeemed:
            contact.verify(now)
            await room.contacts.save(contact)
    # Outside the unit of work: the counted try must stay.
    if not redeemed:
        raise InvalidCode
    return contact


async def make_contact_primary(
    contact_id: UUID,
    *,
    expected_version: int | None,
    principal: Principal,
    room: ContactRoom,
) -> Contact:
    """Make a contact the primary one of its type; the one before steps back in the same transaction."""
    async with room.unit_of_work.begin():
        # Two contacts change at once, and who deletes or restores their user takes all: each waits for the other, and
        # reads what is there then.
        await room.contacts.hold_all((await room.contacts.get(contact_id)).user_id)
        contact = await _load(contact_id, expected_version, principal, room)
        contact.make_primary()
        before = await room.contacts.primary(contact.user_id, contact.type)
        if before is not None and before.id != contact.id:
            before.demote()
            await room.contacts.save(before)
        await room.contacts.save(contact)
    return contact


async def _load(contact_id: UUID, expected_version: int | None, principal: Principal, room: ContactRoom) -> Contact:
    contact = await room.contacts.get(contact_id)
    await _require_changeable(contact, expected_version, principal, room)
    return contact


async def _require_changeable(
    contact: Contact, expected_version: int | None, principal: Principal, room: ContactRoom
) -> None:
    principal.require_reach(contact.user_id, WRITE, "contact")
    await room.owners.require_outranked(contact.user_id, principal)
    contact.expect_version(expected_version)


async def _require_room(user_id: UUID, room: ContactRoom) -> None:
    if await room.contacts.hold_all(user_id) >= CONTACTS_A_USER:
        raise TooManyContacts


def _require_type(kind: ContactType, values: Sequence[ContactValue]) -> None:
    others = [type_of(value) for value in values if type_of(value) is not kind]
    if others:
        raise Invalid(
            [Fault(f"/{other}", f"A contact of type {kind} has no {other}", "not-of-type") for other in others]
        )


def _owner(user_id: UUID | None, principal: Principal, permission: str) -> UUID:
    if user_id is None or user_id == principal.id:
        return principal.id
    principal.require(permission)
    return user_id
