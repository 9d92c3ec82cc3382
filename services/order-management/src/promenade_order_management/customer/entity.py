"""What other contexts tell about those who order. Copies: they carry the sequence of the original."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from promenade_kernel.values.email import Email

DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer as customer management last told of him; `sequence` is that event's.

    Of one who was deleted before anything else was heard of him there is no name.
    """

    id: UUID
    sequence: int
    name: str | None
    status: str
    email: Email | None = None
    user_id: UUID | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether customer management has deleted him; what was sold to him stays."""
        return self.status == DELETED


class Standing(StrEnum):
    """Whether a user may begin new orders."""

    GOOD = "good"
    SUSPENDED = "suspended"
    DELETED = "deleted"
