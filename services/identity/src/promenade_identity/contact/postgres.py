"""Contacts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NotFound, Page, PageRequest, StaleVersion
from promenade_chassis.repository import BaseRepository, Row, refusing_duplicates
from promenade_kernel.values import codec
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone
from psycopg.types.json import Jsonb

from promenade_identity.contact.entity import Contact, ContactExists, ContactType, ContactValue, EmailTaken
from promenade_identity.contact.repository import CONTACTS, ContactFilter

# The one place that leaves deleted contacts out.
_LIVING = "SELECT * FROM contact WHERE deleted_at IS NULL"
_GET = _LIVING + " AND id = %(id)s"
_GET_WITH_DELETED = "SELECT * FROM contact WHERE id = %(id)s"
_PRIMARY = _LIVING + " AND user_id = %(user_id)s AND type = %(type)s AND is_primary"
_COUNT = "SELECT count(*) AS found FROM (" + _LIVING + " AND user_id = %(user_id)s AND type = %(type)s) AS living"
# His row is not enough: others hold it shared while they add contacts to him.
_HOLD_ALL = "SELECT pg_advisory_xact_lock(hashtextextended(%(user_id)s::text, 3))"
_COUNT_ALL = "SELECT count(*) AS found FROM (" + _LIVING + " AND user_id = %(user_id)s) AS living"
LIST = ListStatement(
    CONTACTS,
    select=_LIVING,
    where={"user_id": "user_id = %(user_id)s", "type": "type = %(type)s"},
    sorts={"created_at": "created_at"},
)
_INSERT = """
INSERT INTO contact (id, user_id, type, email, phone, address, label, is_primary, verified_at, code_requests,
                     version, last_sequence, created_at, updated_at)
VALUES (%(id)s, %(user_id)s, %(type)s, %(email)s, %(phone)s, %(address)s, %(label)s, %(is_primary)s, %(verified_at)s,
        %(code_requests)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE contact
SET email = %(email)s, phone = %(phone)s, address = %(address)s, label = %(label)s, is_primary = %(is_primary)s,
    verified_at = %(verified_at)s, code_requests = %(code_requests)s, version = %(version)s,
    last_sequence = %(last_sequence)s, updated_at = %(updated_at)s, deleted_at = %(deleted_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
_DELETE_WITH = """
UPDATE contact SET deleted_at = %(moment)s, updated_at = %(moment)s, version = version + 1
WHERE user_id = %(user_id)s AND deleted_at IS NULL
"""
_RESTORE_WITH = """
UPDATE contact SET deleted_at = NULL, updated_at = now(), version = version + 1
WHERE user_id = %(user_id)s AND deleted_at = %(moment)s
"""


class PostgresContacts(BaseRepository):
    """The contacts of the service's own database."""

    async def add(self, contact: Contact) -> None:
        """Store a new contact; raises `ContactExists` when its user has the same one."""
        with _refusing_the_same(ContactExists()):
            await self._insert(contact, _INSERT, **_columns(contact))

    async def save(self, contact: Contact) -> None:
        """Store a change; raises `StaleVersion` or `ContactExists`."""
        # Two that become primary at once: the loser reads again and finds the winner.
        with _refusing_the_same(ContactExists()), refusing_duplicates("contact_one_primary", StaleVersion()):
            await self._update(contact, _UPDATE, **_columns(contact))

    async def restore(self, contact: Contact) -> None:
        """Store a contact that was deleted until now; raises `EmailTaken` when the same one lives."""
        with _refusing_the_same(EmailTaken()):
            await self._update(contact, _UPDATE, **_columns(contact))

    async def get(self, contact_id: UUID) -> Contact:
        """A living contact; raises `NotFound`."""
        return _found(await self._fetch_one(_GET, id=contact_id))

    async def find(self, contact_id: UUID) -> Contact | None:
        """A living contact, or None."""
        row = await self._fetch_one(_GET, id=contact_id)
        return _to_contact(row) if row else None

    async def get_with_deleted(self, contact_id: UUID) -> Contact:
        """A contact, living or deleted; raises `NotFound`."""
        return _found(await self._fetch_one(_GET_WITH_DELETED, id=contact_id))

    async def hold_all(self, user_id: UUID) -> int:
        """How many contacts the user has; until the transaction ends nobody else looks, so none is added meanwhile."""
        await self._execute(_HOLD_ALL, user_id=user_id)
        row = await self._fetch_one(_COUNT_ALL, user_id=user_id)
        return int(row["found"]) if row else 0

    async def primary(self, user_id: UUID, kind: ContactType) -> Contact | None:
        """The user's primary contact of a type."""
        row = await self._fetch_one(_PRIMARY, user_id=user_id, type=kind)
        return _to_contact(row) if row else None

    async def count(self, user_id: UUID, kind: ContactType) -> int:
        """How many contacts of a type the user has."""
        row = await self._fetch_one(_COUNT, user_id=user_id, type=kind)
        return int(row["found"]) if row else 0

    async def list(self, wanted: ContactFilter, page: PageRequest) -> Page[Contact]:
        """A page of the living contacts, as `CONTACTS` declares the list."""
        rows = await self._fetch_listed(LIST, wanted, page)
        return CONTACTS.cut([_to_contact(row) for row in rows], page)

    async def delete_with(self, user_id: UUID, moment: datetime) -> None:
        """Delete all contacts of a user who is deleted at that moment."""
        await self._execute(_HOLD_ALL, user_id=user_id)
        await self._execute(_DELETE_WITH, user_id=user_id, moment=moment)

    async def restore_with(self, user_id: UUID, moment: datetime) -> None:
        """Bring back what was deleted with the user at that moment, the primary ones as such."""
        await self._execute(_HOLD_ALL, user_id=user_id)
        await self._execute(_RESTORE_WITH, user_id=user_id, moment=moment)


@contextmanager
def _refusing_the_same(error: ContactExists | EmailTaken) -> Generator[None, None, None]:
    with refusing_duplicates("contact_email_once", error), refusing_duplicates("contact_phone_once", error):
        yield


def _columns(contact: Contact) -> Row:
    value = contact.value
    return {
        "user_id": contact.user_id,
        "type": contact.type,
        "email": str(value) if isinstance(value, Email) else None,
        "phone": str(value) if isinstance(value, Phone) else None,
        "address": Jsonb(codec.to_plain(value)) if isinstance(value, Address) else None,
        "label": contact.label,
        "is_primary": contact.is_primary,
        "verified_at": contact.verified_at,
        "code_requests": contact.code_requests,
    }


def _found(row: Row | None) -> Contact:
    if row is None:
        raise NotFound("There is no such contact")
    return _to_contact(row)


def _to_contact(row: Row) -> Contact:
    return Contact(
        id=row["id"],
        user_id=row["user_id"],
        value=_to_value(row),
        label=row["label"],
        is_primary=row["is_primary"],
        verified_at=row["verified_at"],
        code_requests=list(row["code_requests"]),
        version=row["version"],
        last_sequence=row["last_sequence"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
    )


def _to_value(row: Row) -> ContactValue:
    if row["email"] is not None:
        return Email.trusted(row["email"])
    if row["phone"] is not None:
        return Phone.trusted(row["phone"])
    return codec.convert(row["address"], Address)
