"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_kernel.values.permissions import grants

from promenade_chassis.ports.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user, as his verified access token tells it."""

    id: UUID
    permissions: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()
    session_id: str | None = None

    def may(self, permission: str) -> bool:
        """Whether the permission (`orders:read`) is held; wildcards count."""
        return grants(self.permissions, permission)

    def reaches(self, owner: UUID | None, permission: str) -> bool:
        """Whether this is his own thing, or he holds the permission over everybody's."""
        return owner == self.id or self.may(permission)

    def require(self, permission: str) -> None:
        """Raise `Forbidden` unless the permission is held."""
        if not self.may(permission):
            raise Forbidden(f"This needs the permission {permission}")

    def require_reach(self, owner: UUID | None, permission: str, what: str = "resource") -> None:
        """Raise `NotFound` for somebody else's thing: its existence is none of the caller's business."""
        if not self.reaches(owner, permission):
            raise NotFound(f"There is no such {what}")
