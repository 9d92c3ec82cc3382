"""All that a signed-in user is, in one view."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_identity.contact.entity import Contact
from promenade_identity.profile.entity import Profile
from promenade_identity.user.entity import User


@dataclass(frozen=True, slots=True)
class Me:
    """A user with what belongs to him."""

    user: User
    profile: Profile
    contacts: tuple[Contact, ...]
    permissions: frozenset[str]
