"""The catalogue of problems, `problems.json`: every `code` that any service can answer with, and what to do about it.

`python -m promenade_local.problems --check FILE` fails when it is stale; `--write FILE` writes it. A problem is told
by its error class (title, docstring, advice, example), a fault by the `faults.toml` of the package that finds it.
"""

from __future__ import annotations

import argparse
import inspect
import json
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from promenade_chassis.http.problems import problem_body
from promenade_chassis.ports import DomainError

# Where `faults.toml` lies, and as whose errors the page shows them.
HOMES = {
    "promenade_kernel.values": "any",
    "promenade_chassis.http": "any",
    "promenade_identity": "identity",
    "promenade_customer_management": "customer-management",
    "promenade_order_management": "order-management",
    "promenade_billing": "billing",
    "promenade_gateway": "gateway",
}
MEMBERS = ("type", "title", "status", "detail", "instance", "code", "request_id")
Entry = dict[str, Any]


class Contradiction(Exception):
    """Two packages use one code and say different things about it, or one of them says too little."""


def catalogue() -> dict[str, list[Entry]]:
    """`problems` by status and slug, `faults` by code."""
    problems = merged((_entry_of_error(error) for error in error_classes()), "slug")
    faults = merged(_entries_of_faults(), "code")
    return {
        "problems": sorted(problems, key=lambda entry: (entry["status"], entry["slug"])),
        "faults": sorted(faults, key=lambda entry: entry["code"]),
    }


def error_classes() -> list[type[DomainError]]:
    """Every error of the house that has a slug of its own."""
    for package in {name.partition(".")[0] for name in HOMES}:
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if ".testing" not in module.name and ".embedded" not in module.name:
                import_module(module.name)
    found = {each for each in _subclasses(DomainError) if "slug" in vars(each) and _home_of(each) is not None}
    return sorted(found, key=lambda error: (error.slug, error.__module__))


def _subclasses(of: type[DomainError]) -> Iterator[type[DomainError]]:
    for each in of.__subclasses__():
        yield each
        yield from _subclasses(each)


def _home_of(error: type[DomainError]) -> str | None:
    """Whose error it is; None for those of tests."""
    package = error.__module__.partition(".")[0]
    return next((who for home, who in HOMES.items() if home.partition(".")[0] == package), None)


def _entry_of_error(error: type[DomainError]) -> Entry:
    example = problem_body(
        status=error.status,
        slug=error.slug,
        title=error.title,
        detail=error.title,
        instance="/api/v1/…",
        request_id="01980000-0000-7000-8000-000000000000",
    )
    return {
        "slug": error.slug,
        "status": error.status,
        "title": error.title,
        "meaning": re.sub(r"\s+", " ", inspect.cleandoc(error.__doc__ or "")),
        "advice": error.advice,
        # The members that every problem has stand first.
        "example": {**{name: example[name] for name in MEMBERS}, **example, **error.example},
        "services": [_home_of(error)],
    }


def _entries_of_faults() -> Iterator[Entry]:
    for package, who in HOMES.items():
        told = files(package) / "faults.toml"
        for code, fault in tomllib.loads(told.read_text(encoding="utf-8") if told.is_file() else "").items():
            example = {**fault["example"], "code": code}
            yield {
                "code": code,
                "meaning": fault["means"],
                "advice": fault["advice"],
                "example": example,
                "services": [who],
            }


def merged(entries: Iterator[Entry], key: str) -> list[Entry]:
    """One entry a code: who shares one says the same of it. Raises `Contradiction`."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        if not (entry["meaning"] and entry["advice"]):
            raise Contradiction(f"{entry[key]} of {entry['services'][0]} says too little of itself")
        known = merged.setdefault(entry[key], entry)
        if {**known, "services": []} != {**entry, "services": []}:
            raise Contradiction(f"{entry[key]}: {known['services']} and {entry['services']} do not say the same")
        known["services"] = sorted({*known["services"], *entry["services"]})
    return list(merged.values())


def text_of_catalogue() -> str:
    """The content of the file."""
    return json.dumps(catalogue(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="python -m promenade_local.problems", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", metavar="FILE", type=Path, help="fail when the file is not what the code says")
    action.add_argument("--write", metavar="FILE", type=Path, help="write the file")
    chosen = parser.parse_args(arguments)
    text = text_of_catalogue()
    if chosen.write:
        chosen.write.write_text(text, encoding="utf-8")
        return 0
    if chosen.check.is_file() and chosen.check.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{chosen.check} is stale: just problems\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
