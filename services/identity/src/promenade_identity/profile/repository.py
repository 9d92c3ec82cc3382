"""The port of profiles."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from promenade_identity.profile.entity import Profile


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
