"""The ports of roles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

from msgspec import Meta
from promenade_chassis.ports import ListOf, Page, PageRequest, Sort

from promenade_identity.revocation.entity import Revocation
from promenade_identity.role.entity import Role


@dataclass(frozen=True, slots=True)
class RoleFilter:
    """Which roles a list shows; None means any."""

    is_system: Annotated[bool, Meta(description="Only those of the system, or only the others.")] | None = None


ROLES = ListOf(Role, RoleFilter, Sort("created_at", datetime))


class Roles(Protocol):
    """The living roles, those of the system among them."""

    async def add(self, role: Role) -> None:
        """Store a new role; raises `RoleExists`."""
        ...

    async def save(self, role: Role) -> None:
        """Store a change; raises `StaleVersion`."""
        ...

    async def get(self, name: str) -> Role:
        """A living role; raises `NotFound`."""
        ...

    async def hold(self, name: str) -> Role:
        """As `get`; until the transaction ends nobody else changes it, and nobody is given it."""
        ...

    async def list(self, wanted: RoleFilter, page: PageRequest) -> Page[Role]:
        """A page of the living roles, as `ROLES` declares the list."""
        ...


class Grants(Protocol):
    """What roles allow, system roles and custom ones alike."""

    async def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        """All that these roles allow together; names of no role allow nothing.

        Whoever makes a token of it reads the user, with his epoch, before: while a role changes, new permissions may
        then meet an old epoch, which is refused, but never old ones a new epoch.
        """
        ...

    async def require(self, roles: Collection[str]) -> None:
        """Raise `Invalid` naming every one that there is no role of, at `/roles/<index>`, or when they are too many.

        Until the transaction ends the others stay as they are. Whoever gives roles to a user asks for this before he
        writes the user: a role that changes or goes meanwhile would not know of its new holder.
        """
        ...


class Holders(Protocol):
    """Who has a role; the users' own room knows. Asked by whoever holds the role."""

    async def any(self, role: str) -> bool:
        """Whether a living user has it."""
        ...

    async def raise_epochs(self, role: str, now: datetime) -> Sequence[Revocation]:
        """Make the access tokens of all who have it stale; answers the revocations that tell so.

        Deleted users' epochs rise too, because they may come back; they have no tokens to revoke.
        """
        ...

    async def forget(self, role: str, now: datetime) -> None:
        """Take it from deleted users: none shall come back with a later role of the same name."""
        ...
