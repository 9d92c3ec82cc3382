"""The port of contacts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta
from promenade_chassis.ports import ListOf, Page, PageRequest, Principal, Sort

from promenade_identity.contact.entity import Contact, ContactType


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """Which contacts a list shows; None means any."""

    user_id: Annotated[UUID, Meta(description="Another user; needs contacts:read.")] | None = None
    type: ContactType | None = None


CONTACTS = ListOf(Contact, ContactFilter, Sort("created_at", datetime))


class Owners(Protocol):
    """Who may have contacts; the users' own room knows."""

    async def hold(self, user_id: UUID) -> bool:
        """Whether there is such a living user; he then lives until the transaction ends."""
        ...

    async def require_outranked(self, user_id: UUID, principal: Principal) -> None:
        """Raise `PermissionNotHeld` when he holds what the caller lacks; oneself one may always change."""
        ...


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

    async def hold_all(self, user_id: UUID) -> int:
        """How many contacts the user has; until the transaction ends nobody else looks, so none is added meanwhile."""
        ...

    async def primary(self, user_id: UUID, kind: ContactType) -> Contact | None:
        """The user's primary contact of a type."""
        ...

    async def count(self, user_id: UUID, kind: ContactType) -> int:
        """How many contacts of a type the user has."""
        ...

    async def list(self, wanted: ContactFilter, page: PageRequest) -> Page[Contact]:
        """A page of the living contacts, as `CONTACTS` declares the list."""
        ...

    async def delete_with(self, user_id: UUID, moment: datetime) -> None:
        """Delete all contacts of a user who is deleted at that moment."""
        ...

    async def restore_with(self, user_id: UUID, moment: datetime) -> None:
        """Bring back what was deleted with the user at that moment, the primary ones as such."""
        ...
