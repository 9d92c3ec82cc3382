"""In-memory stand-ins of Identity's ports; the contract suites run against them and the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from promenade_chassis.ports import NotFound, Page, PageRequest, Principal, StaleVersion
from promenade_chassis.testing.fakes import InMemoryRepository, InMemoryUnitOfWork
from promenade_identity.code.entity import MAX_TRIES, MEMORY, CodeRequest, IssuedCode, Purpose
from promenade_identity.contact.entity import Contact, ContactExists, ContactType, EmailTaken
from promenade_identity.contact.repository import CONTACTS, ContactFilter
from promenade_identity.mail.entity import Mail
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone


class InMemoryContacts(InMemoryRepository[Contact]):
    """Contacts in a dict."""

    async def add(self, contact: Contact) -> None:
        if self._has_the_same(contact):
            raise ContactExists
        self._put(contact)

    async def save(self, contact: Contact) -> None:
        if not contact.is_deleted and self._has_the_same(contact):
            raise ContactExists
        if contact.is_primary and await self._other_primary(contact):
            raise StaleVersion
        self._put(contact)

    async def restore(self, contact: Contact) -> None:
        if self._has_the_same(contact):
            raise EmailTaken
        self._put(contact)

    async def hold_all(self, user_id: UUID) -> int:
        self._unit_of_work.require()
        return sum(1 for contact in self._living() if contact.user_id == user_id)

    async def get(self, contact_id: UUID) -> Contact:
        found = await self.find(contact_id)
        if found is None:
            raise NotFound("There is no such contact")
        return found

    async def find(self, contact_id: UUID) -> Contact | None:
        return self._find(lambda contact: contact.id == contact_id)

    async def get_with_deleted(self, contact_id: UUID) -> Contact:
        stored = self._rows.get(contact_id)
        if stored is None:
            raise NotFound("There is no such contact")
        return self._copy(stored)

    async def primary(self, user_id: UUID, kind: ContactType) -> Contact | None:
        return self._find(lambda contact: contact.user_id == user_id and contact.type is kind and contact.is_primary)

    async def count(self, user_id: UUID, kind: ContactType) -> int:
        return sum(1 for contact in self._living() if contact.user_id == user_id and contact.type is kind)

    async def list(self, wanted: ContactFilter, page: PageRequest) -> Page[Contact]:
        return self._page(
            CONTACTS,
            lambda contact: wanted.user_id in (None, contact.user_id) and wanted.type in (None, contact.type),
            page,
        )

    async def delete_with(self, user_id: UUID, moment: datetime) -> None:
        self._unit_of_work.require()
        for row in [row for row in self._living() if row.user_id == user_id]:
            self._put(replace(row, deleted_at=moment))

    async def restore_with(self, user_id: UUID, moment: datetime) -> None:
        self._unit_of_work.require()
        for row in list(self._rows.values()):
            if row.user_id == user_id and row.deleted_at == moment:
                self._put(replace(row, deleted_at=None))

    async def _other_primary(self, contact: Contact) -> bool:
        before = await self.primary(contact.user_id, contact.type)
        return before is not None and before.id != contact.id

    def _has_the_same(self, contact: Contact) -> bool:
        return contact.type is not ContactType.ADDRESS and any(
            other.id != contact.id
            and other.user_id == contact.user_id
            and str(other.value).lower() == str(contact.value).lower()
            for other in self._living()
        )


class KnownOwners:
    """Whom a test has said to be a user."""

    def __init__(self) -> None:
        self.known: set[UUID] = set()

    async def hold(self, user_id: UUID) -> bool:
        return user_id in self.known

    async def require_outranked(self, user_id: UUID, principal: Principal) -> None:
        pass


class InMemoryCodes:
    """Codes in a dict."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._codes: dict[tuple[Purpose, UUID], tuple[IssuedCode, int]] = {}
        unit_of_work.join(self)

    def snapshot(self) -> dict[tuple[Purpose, UUID], tuple[IssuedCode, int]]:
        return dict(self._codes)

    def roll_back(self, snapshot: dict[tuple[Purpose, UUID], tuple[IssuedCode, int]]) -> None:
        self._codes = snapshot

    async def replace(self, code: IssuedCode) -> None:
        self._unit_of_work.require()
        self._codes[code.purpose, code.subject] = (code, 0)

    async def redeem(self, purpose: Purpose, subject: UUID, digest: bytes, now: datetime) -> bool:
        self._unit_of_work.require()
        code, tries = self._codes.get((purpose, subject), (None, 0))
        if code is None or now >= code.expires_at or tries >= MAX_TRIES:
            return False
        if code.digest == digest:
            del self._codes[purpose, subject]
            return True
        self._codes[purpose, subject] = (code, tries + 1)
        return False

    async def drop_expired(self, now: datetime) -> None:
        self._unit_of_work.require()
        self._codes = {key: kept for key, kept in self._codes.items() if kept[0].expires_at > now}


class InMemoryCodeRequests:
    """Requests in a dict of lists."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._requests: dict[tuple[Purpose, str], tuple[CodeRequest, ...]] = {}
        unit_of_work.join(self)

    def snapshot(self) -> dict[tuple[Purpose, str], tuple[CodeRequest, ...]]:
        return dict(self._requests)

    def roll_back(self, snapshot: dict[tuple[Purpose, str], tuple[CodeRequest, ...]]) -> None:
        self._requests = snapshot

    async def hold(self, purpose: Purpose, value: str, now: datetime) -> Sequence[CodeRequest]:
        self._unit_of_work.require()
        return _of_the_last_hour(self._requests.get((purpose, value), ()), now)

    async def add(self, purpose: Purpose, value: str, request: CodeRequest) -> None:
        self._unit_of_work.require()
        self._requests[purpose, value] = (*self._requests.get((purpose, value), ()), request)

    async def forget(self, purpose: Purpose, value: str) -> None:
        self._unit_of_work.require()
        self._requests.pop((purpose, value), None)

    async def drop_expired(self, now: datetime) -> None:
        self._unit_of_work.require()
        self._requests = {key: _of_the_last_hour(kept, now) for key, kept in self._requests.items()}

    def age(self, by: timedelta) -> None:
        """Make all requests look older."""
        for key, kept in self._requests.items():
            self._requests[key] = tuple(CodeRequest(each.user_id, each.asked_at - by) for each in kept)


def _of_the_last_hour(requests: Sequence[CodeRequest], now: datetime) -> tuple[CodeRequest, ...]:
    return tuple(request for request in requests if request.asked_at > now - MEMORY)


class RecordingMails:
    """Keeps queued mails."""

    def __init__(self) -> None:
        self.queued: list[Mail] = []

    async def queue(self, mail: Mail) -> None:
        self.queued.append(mail)


class PlainTemplates:
    """Renders a template as its values."""

    def render(self, template: str, to: Email, locale: str | None = None, **values: Any) -> Mail:
        text = " ".join(f"{name}={value}" for name, value in values.items())
        return Mail(to=to, subject=template, text=text, html=f"<p>{text}</p>")


class RecordingTextMessages:
    """Keeps text messages."""

    def __init__(self) -> None:
        self.queued: list[tuple[Phone, str]] = []

    async def queue(self, to: Phone, text: str) -> None:
        self.queued.append((to, text))
