"""The ports of profiles."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from promenade_identity.profile.entity import Profile


class Owners(Protocol):
    """Whose profiles there are; the users' own room knows. That of a deleted user is kept, and shown to nobody."""

    async def find(self, user_id: UUID) -> object | None:
        """The living user, or None."""
        ...

    async def hold(self, user_id: UUID) -> bool:
        """Whether there is such a living user; he then lives until the transaction ends."""
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
