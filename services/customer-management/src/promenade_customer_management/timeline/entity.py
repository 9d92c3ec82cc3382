"""One entry of a customer's timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from promenade_kernel.values.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """A fact about a customer.

    `kind` is a stable word (`order.placed`, `lifecycle.changed`), `cause` the event or request behind it, `actor` the
    user who did it, if one did.
    """

    customer_id: UUID
    kind: str
    summary: str
    occurred_at: datetime
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    actor: str | None
    cause: str
    id: UUID = field(default_factory=new_id)
