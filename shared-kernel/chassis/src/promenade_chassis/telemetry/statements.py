"""A span for each SQL statement inside a traced piece of work: its text as it is written, never the values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Self

from psycopg import AsyncCursor
from psycopg.rows import DictRow

from promenade_chassis.telemetry.spans import Attributes, current_span, inside

_LONGEST_TEXT = 2_000
_VERB = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|MERGE|CALL)\b", re.IGNORECASE)
_FUNCTION = re.compile(r"^SELECT\s+(?:[a-z_]+\.)?([a-z_][a-z0-9_]*)\(", re.IGNORECASE)
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE(?!\s+SET|\s+OF|\s+SKIP))\s+"?([a-z_][a-z0-9_]*)"?', re.IGNORECASE)


class TracedCursor(AsyncCursor[DictRow]):
    """The cursor of a traced process's connections. Work that nobody traces costs one look."""

    async def execute(self, query: Any, params: Any = None, **named: Any) -> Self:
        """See psycopg."""
        span = current_span()
        if span is None:
            return await super().execute(query, params, **named)
        name, attributes = words_of(query)
        with inside(span.child(name, "client", attributes)):
            return await super().execute(query, params, **named)

    async def executemany(self, query: Any, params_seq: Iterable[Any], **named: Any) -> None:
        """See psycopg."""
        span = current_span()
        if span is None:
            return await super().executemany(query, params_seq, **named)
        name, attributes = words_of(query)
        with inside(span.child(name, "client", attributes)):
            return await super().executemany(query, params_seq, **named)


def words_of(query: Any) -> tuple[str, Attributes]:
    """Only what is written as text is told: a composed statement may hold values."""
    return _words_of_text(query) if isinstance(query, str) else ("SQL", {"db.system.name": "postgresql"})


@lru_cache(maxsize=512)
def _words_of_text(text: str) -> tuple[str, Attributes]:
    plain = " ".join(text.split())
    verb, table = _VERB.search(plain), _TABLE.search(plain) or _FUNCTION.match(plain)
    name = " ".join(part for part in (verb and verb[1].upper(), table and table[1]) if part) or "SQL"
    return name, {
        "db.system.name": "postgresql",
        "db.query.summary": name,
        "db.query.text": plain[:_LONGEST_TEXT],
    }
