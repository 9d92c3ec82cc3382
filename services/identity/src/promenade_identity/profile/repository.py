"""The port of profiles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import Principal

from promenade_identity.profile.entity import Profile


class Superiors(Protocol):
    """Whose profiles one may change; the users' own room knows."""

    async def require_outranked(self, user_id: UUID, principal: Principal) -> None:
        """Raise `PermissionNotHeld` when he holds what the caller lacks; oneself one may always change."""
        ...


class Profiles(Protocol):
    """The living profiles, one a user."""

    async def add(self, profile: Profile) -> None:
        """Store the profile of a new user."""
        ...

    async def save(self, profile: Profile) -> None:
        """Store a change; raises `StaleVersion`."""
        ...

    async def of_user(self, user_id: UUID) -> Profile:
        """A user's profile; raises `NotFound`."""
        ...

    async def display_names(self, user_ids: Collection[UUID]) -> Mapping[UUID, str | None]:
        """What these users go by; users without a profile are left out."""
        ...

    async def delete_with(self, user_id: UUID, moment: datetime) -> None:
        """Delete the profile of a user who is deleted at that moment."""
        ...

    async def restore_with(self, user_id: UUID, moment: datetime) -> None:
        """Bring back what was deleted with the user at that moment."""
        ...
