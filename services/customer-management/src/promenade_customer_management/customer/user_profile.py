"""What a user tells of himself, as far as his customer copies it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from promenade_customer_management.customer.values import MAX_NAME

# Where a word has its place: a profile counts its facts from 1 on, and these come before all of them.
NOTHING, REGISTERED, ACTIVATED = -2, -1, 0
_COPIED = ("name", "locale", "timezone")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserProfile:
    """The newest that was told, with the count of the fact that told it.

    A locale and a timezone can be taken back; a name cannot, because a customer always has one.
    """

    name: str | None = None
    name_sequence: int = NOTHING
    locale: str | None = None
    timezone: str | None = None
    sequence: int = NOTHING

    @classmethod
    def told(
        cls, sequence: int, *, name: str | None, locale: str | None = None, timezone: str | None = None
    ) -> UserProfile:
        """What one fact tells."""
        called = name[:MAX_NAME].strip() if name else None
        return cls(name=called, name_sequence=sequence, locale=locale, timezone=timezone, sequence=sequence)

    def learn(self, told: UserProfile) -> UserProfile:
        """What is known after a fact was told, in whichever order facts are: the newer word counts."""
        known = self
        if told.name is not None and told.name_sequence > known.name_sequence:
            known = replace(known, name=told.name, name_sequence=told.name_sequence)
        if told.sequence > known.sequence:
            known = replace(known, locale=told.locale, timezone=told.timezone, sequence=told.sequence)
        return known

    def news(self, before: UserProfile) -> dict[str, Any]:
        """What differs from what was known before, by the names of the customer's fields.

        The rest may have been changed by hand since, and nobody has told anything else.
        """
        return {name: getattr(self, name) for name in _COPIED if getattr(self, name) != getattr(before, name)}
