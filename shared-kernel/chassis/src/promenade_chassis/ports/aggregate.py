"""The base of every aggregate root."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from promenade_kernel.events.registry import Event, newest_first
from promenade_kernel.values.ids import new_id

from promenade_chassis.ports.errors import PreconditionFailed

Forms = tuple[Event, ...]


def utc_now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Aggregate:
    """State every aggregate row has, and the events recorded since it was loaded.

    `version` counts writes (0: never stored), `last_sequence` counts recorded events; both are
    advanced by the repository in the statement that writes the row.
    """

    id: UUID = field(default_factory=new_id)
    version: int = 0
    last_sequence: int = 0
    created_at: datetime = field(default_factory=utc_now)
    updated_at: datetime = field(default_factory=utc_now)
    deleted_at: datetime | None = None
    _recorded: list[Forms] = field(default_factory=list[Forms], init=False, repr=False, compare=False)

    @classmethod
    def stored(cls, values: dict[str, Any]) -> Self:
        """The aggregate whose fields these are, all of them, as its row tells; `values` becomes its own.

        A list has a hundred of them, and the constructor would take ten times as long. `__post_init__` does not run.
        """
        made = object.__new__(cls)
        made.__dict__ = values
        made._recorded = []
        if values.keys() != cls.__dataclass_fields__.keys():
            raise TypeError(f"{cls.__name__} has other fields: {values.keys() ^ cls.__dataclass_fields__.keys()}")
        return made

    def record(self, event: Event, *older_forms: Event) -> None:
        """Remember a fact; it is published when the aggregate is saved and the transaction commits.

        While some still read an older form (`.v1` beside `.v2`), the fact is recorded once, in all its forms.
        """
        self._recorded.append(tuple(newest_first([event, *older_forms])) if older_forms else (event,))

    def recorded(self) -> tuple[Event, ...]:
        """The facts recorded and not yet saved, oldest fact first, each in its newest form."""
        return tuple(forms[0] for forms in self._recorded)

    def recorded_forms(self) -> tuple[Forms, ...]:
        """As `recorded`, each fact in all its forms, newest form first."""
        return tuple(self._recorded)

    def mark_saved(self, *, version: int, last_sequence: int, updated_at: datetime) -> None:
        """Called by repositories after the row was written."""
        self.version, self.last_sequence, self.updated_at = version, last_sequence, updated_at
        self._recorded.clear()

    def expect_version(self, version: int | None) -> None:
        """Refuse with `PreconditionFailed` when the caller has read another version (None: any)."""
        if version is not None and version != self.version:
            raise PreconditionFailed(f"The present version is {self.version}")

    @property
    def is_deleted(self) -> bool:
        """Whether it was soft-deleted."""
        return self.deleted_at is not None
