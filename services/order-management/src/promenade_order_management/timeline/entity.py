"""Notes: what an order writes down of each of its changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


def _no_facts() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Note:
    """A change as the order knows it: `kind` is named as events are (`order.placed`), `facts` say more."""

    kind: str
    at: datetime
    facts: Mapping[str, str] = field(default_factory=_no_facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A note with who did it (`actor`), which event or request caused it, and the process that one belongs to."""

    id: UUID
    order_id: UUID
    kind: str
    at: datetime
    actor: str | None
    cause: str
    correlation_id: str
    facts: Mapping[str, str]
