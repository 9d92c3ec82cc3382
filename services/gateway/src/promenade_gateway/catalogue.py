"""What every `code` of every service means. `problems.json` is made from the services' own errors: `just problems`.

It ships with the gateway, so that a problem's page is there while the service that answered it is away.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """One kind of problem. `advice` says what a client does about it, `services` who answers it (`any`: all)."""

    slug: str
    status: int
    title: str
    meaning: str
    advice: str
    example: dict[str, Any]
    services: tuple[str, ...]


class Fault(msgspec.Struct, frozen=True):
    """One kind of entry in the `errors` of a problem."""

    code: str
    meaning: str
    advice: str
    example: dict[str, str]
    services: tuple[str, ...]


class Catalogue(msgspec.Struct, frozen=True):
    """All of them: problems by status and slug, faults by code."""

    problems: tuple[Problem, ...]
    faults: tuple[Fault, ...]


CATALOGUE = msgspec.json.decode((files("promenade_gateway") / "problems.json").read_bytes(), type=Catalogue)
PROBLEMS = {problem.slug: problem for problem in CATALOGUE.problems}
