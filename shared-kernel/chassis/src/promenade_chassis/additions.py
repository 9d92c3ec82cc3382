"""Rows that are added together: one statement for all of them, which is a transaction by itself.

Each round trip costs a service and its database more than what most of them ask for; BEGIN and COMMIT are two of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, LiteralString, cast

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow

from promenade_chassis.ports import DomainError

Duplicates = Mapping[str, type[DomainError]]

_PARAMETER = re.compile(r"%\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Addition:
    """An INSERT without RETURNING, its parameters, and what its unique indexes refuse."""

    statement: LiteralString
    values: Mapping[str, Any]
    duplicates: Duplicates

    @property
    def is_one(self) -> bool:
        """Whether it adds and nothing else: of no other statement could it be left to the end what became of it."""
        return self.statement.lstrip().startswith("INSERT") and "RETURNING" not in self.statement


async def add_all(connection: AsyncConnection[DictRow], additions: Sequence[Addition]) -> None:
    """Send them; raises what the index says that one of them violates."""
    if not additions:
        return
    # Of several each parameter has the number of its statement: all of them say `id`.
    values = {f"{name}_{number}": value for number, each in enumerate(additions) for name, value in each.values.items()}
    try:
        await connection.execute(_joined(tuple(each.statement for each in additions)), values)
    except UniqueViolation as violation:
        for each in additions:
            refuse_duplicate(violation, each.duplicates)
        raise


def refuse_duplicate(violation: UniqueViolation, duplicates: Duplicates) -> None:
    """Raise the domain's own error where one is known for the violated constraint or index."""
    error = duplicates.get(violation.diag.constraint_name or "")
    if error is not None:
        raise error from violation


@cache
def _joined(statements: Sequence[LiteralString]) -> LiteralString:
    *others, last = (_PARAMETER.sub(rf"%(\1_{number})", each.strip()) for number, each in enumerate(statements))
    parts = ",\n".join(f"added_{number} AS ({each})" for number, each in enumerate(others))
    return cast("LiteralString", f"WITH {parts}\n{last}" if parts else last)
