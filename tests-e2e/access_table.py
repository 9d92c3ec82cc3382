"""The access matrix that was written by hand, and what the declarations of the routes make of the same question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from litestar import Litestar
from promenade_chassis.http.access import Access, declared_access
from promenade_kernel.values.permissions import SYSTEM_ROLES, grants

WHO = ("guest", "user", "other", "manager", "admin", "superadmin")
STAFF = ("manager", "admin", "superadmin")
EVERYWHERE = "every service"
# Whose thing it is stands in the body.
THING_IN_BODY = {"POST /api/v1/billing/payments"}
Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One route. `path` has no types in its braces, `answers` are `ok` or a status for each of `WHO`."""

    method: str
    path: str
    declared: str
    answers: Answers

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_about_a_thing(self) -> bool:
        """Whether something has to exist, and to be somebody's."""
        return self.declared != "public" and ("{" in self.path or self.name in THING_IN_BODY)

    def is_answered_so(self, who: str, status: int) -> bool:
        """`ok` is reached: not refused, not broken, and not said to be missing when it is there."""
        told = self.answers[who]
        if told != "ok":
            return status == int(told)
        return status < 500 and status not in (401, 403) and not (status == 404 and self.is_about_a_thing)


def hand_table() -> dict[str, dict[str, Row]]:
    """The rows of every context by their names; those of `EVERYWHERE` are each context's."""
    tables: dict[str, dict[str, Row]] = {}
    context = ""
    for line in Path(__file__).with_name("access_matrix.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            context = line.strip("[]")
            tables[context] = {}
        elif line and not line.startswith("#"):
            row = _row(line, context)
            assert row.name not in tables[context], f"{row.name} stands there twice"
            tables[context][row.name] = row
    everywhere = tables.pop(EVERYWHERE)
    return {context: {**rows, **everywhere} for context, rows in tables.items()}


def declared_table(app: Litestar) -> dict[str, Row]:
    """The rows as the routes of an application declare them."""
    rows: dict[str, Row] = {}
    for method, typed, access in declared_access(app):
        path = re.sub(r":\w+}", "}", typed)
        declared = " ".join(filter(None, (access.kind if access.kind != "permission" else "", access.permission)))
        row = Row(method, path, declared, {})
        rows[row.name] = Row(method, path, declared, {who: _predict(row, access, who) for who in WHO})
    return rows


def differences(by_hand: Mapping[str, Row], declared: Mapping[str, Row]) -> list[str]:
    """What the one says and the other does not."""
    return list(_differences(by_hand, declared))


def _differences(by_hand: Mapping[str, Row], declared: Mapping[str, Row]) -> Iterator[str]:
    yield from (f"{name} is not in the table" for name in declared.keys() - by_hand.keys())
    yield from (f"{name} is no route" for name in by_hand.keys() - declared.keys())
    for name in sorted(by_hand.keys() & declared.keys()):
        told, known = by_hand[name], declared[name]
        if told.declared != known.declared:
            yield f"{name} declares {known.declared!r}, not {told.declared!r}"
        for who in WHO:
            if told.answers[who] != known.answers[who]:
                yield f"{name} would answer {who} with {known.answers[who]}, not {told.answers[who]}"


def _row(line: str, context: str) -> Row:
    route, declared, answers = (part.strip() for part in line.split("|"))
    method, path = route.split()
    has_prefix = context != EVERYWHERE and not path.startswith("/.well-known")
    told = answers.split()
    assert len(told) == len(WHO), line
    return Row(method, f"/api/v1/{context}{path}" if has_prefix else path, declared, dict(zip(WHO, told, strict=True)))


def _predict(row: Row, access: Access, who: str) -> str:
    if access.kind == "public":
        return "ok"
    if who == "guest":
        return "401"
    holds = access.permission is not None and grants(SYSTEM_ROLES.get(who, frozenset()), access.permission)
    if access.kind == "permission":
        return "ok" if holds else "403"
    return "ok" if who == "user" or holds or not row.is_about_a_thing else "404"
