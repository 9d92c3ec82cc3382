"""A customer as customer management last told of him."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency

DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A copy, not an aggregate: `sequence` is that of the event it was made from.

    Of one who was deleted before anything else was heard of him there is no name.
    """

    id: UUID
    sequence: int
    status: str
    name: str | None
    email: Email | None = None
    user_id: UUID | None = None
    currency: Currency | None = None
    timezone: str | None = None
    billing_address: Address | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether customer management has deleted him; what was sold to him stays."""
        return self.status == DELETED
