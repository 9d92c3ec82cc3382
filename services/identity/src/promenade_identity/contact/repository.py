"""The port of contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import Page, PageRequest

from promenade_identity.contact.entity import Contact, ContactType, ContactValue


class Contacts(Protocol):
    """The living contacts of all users; deleted ones are only seen by `get_with_deleted`."""

    async def add(self, contact: Contact) -> None:
        """Store a new contact; raises `ContactExists` when its user has the same one."""
        ...

    async def save(self, contact: Contact) -> None:
        """Store a change; raises `StaleVersion` or `ContactExists`."""
        ...

    async def restore(self, contact: Contact) -> None:
        """Store a contact that was deleted until now; raises `EmailTaken` when the same one lives."""
        ...

    async def get(self, contact_id: UUID) -> Contact:
        """A living contact; raises `NotFound`."""
        ...

    async def find(self, contact_id: UUID) -> Contact | None:
        """A living contact, or None."""
        ...

    async def get_with_deleted(self, contact_id: UUID) -> Contact:
        """A contact, living or deleted; raises `NotFound`."""
        ...

    async def code_requests(self, user_id: UUID, value: ContactValue) -> Sequence[datetime]:
        """When the user asked for codes to this value, under deleted contacts too."""
        ...

    async def primary(self, user_id: UUID, kind: ContactType) -> Contact | None:
        """The user's primary contact of a type."""
        ...

    async def count(self, user_id: UUID, kind: ContactType) -> int:
        """How many contacts of a type the user has."""
        ...

    async def list(self, user_id: UUID | None, page: PageRequest, kind: ContactType | None = None) -> Page[Contact]:
        """A user's contacts, or everybody's; newest first."""
        ...
