"""Rows that are added together: one statement for all of them, which is a transaction by itself.

Each round trip costs a service and its database more than what most of them ask for; BEGIN and COMMIT are two of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, LiteralString, cast

from promenade_kernel.events.envelope import Envelope
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from promenade_chassis import outbox
from promenade_chassis.ports import DomainError

Duplicates = Mapping[str, type[DomainError]]

# What is a percent sign itself comes first: of `%%(name)s` nothing is a parameter.
_PARAMETER = re.compile(r"%%|%\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Addition:
    """An INSERT without RETURNING, its parameters, what its unique indexes refuse, and the events it makes true."""

    statement: LiteralString
    values: Mapping[str, Any]
    duplicates: Duplicates = field(default_factory=dict[str, type[DomainError]])
    events: Sequence[Envelope] = ()

    @property
    def is_one(self) -> bool:
        """Whether it adds and nothing else: of no other statement could it be left to the end what became of it."""
        return self.statement.lstrip().startswith("INSERT") and "RETURNING" not in self.statement

    @property
    def is_certain(self) -> bool:
        """Whether it adds its row or fails: events of a row that was left out would tell of what never was."""
        return "VALUES" in self.statement and "ON CONFLICT" not in self.statement


async def add_all(connection: AsyncConnection[DictRow], additions: Sequence[Addition]) -> None:
    """Send them; raises what the index says that one of them violates."""
    if not additions:
        return
    sent = _with_events(additions)
    # Of several each parameter has the number of its statement: all of them say `id`.
    values = {f"{name}_{number}": value for number, each in enumerate(sent) for name, value in each.values.items()}
    try:
        await connection.execute(_joined(tuple(each.statement for each in sent)), values)
    except UniqueViolation as violation:
        for each in additions:
            refuse_duplicate(violation, each.duplicates)
        raise


def refuse_duplicate(violation: UniqueViolation, duplicates: Duplicates) -> None:
    """Raise the domain's own error where one is known for the violated constraint or index."""
    error = duplicates.get(violation.diag.constraint_name or "")
    if error is not None:
        raise error from violation


def _with_events(additions: Sequence[Addition]) -> Sequence[Addition]:
    """The events of all come last and together: parts of a statement run in no order, the rows of one in theirs."""
    events = [event for each in additions for event in each.events]
    if not events:
        return additions
    return [*additions, Addition(outbox.statement_for(events), outbox.parameters_of(events))]


def _numbered(statement: LiteralString, number: int) -> str:
    return _PARAMETER.sub(lambda found: f"%({found[1]}_{number})" if found[1] else found[0], statement.strip())


@lru_cache(maxsize=256)
def _joined(statements: Sequence[LiteralString]) -> LiteralString:
    *others, last = (_numbered(each, number) for number, each in enumerate(statements))
    parts = ",\n".join(f"added_{number} AS ({each})" for number, each in enumerate(others))
    return cast("LiteralString", f"WITH {parts}\n{last}" if parts else last)
