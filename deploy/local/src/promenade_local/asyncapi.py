"""`asyncapi.yaml` and its page, `events.html`: who tells whom what.

`python -m promenade_local.asyncapi --check DIR …` fails when a file is stale; `--write DIR …` writes them. They are
committed twice: in `shared-kernel/schemas` for readers, and in the gateway's package, which is all its image has.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import cast

from promenade_chassis.asyncapi import Document, Listener, Reacting, asyncapi_document, asyncapi_yaml
from promenade_chassis.config import load_settings
from promenade_chassis.events.bus import Bus

from promenade_local.catalogue import events_page
from promenade_local.single import BUILDERS


def reactions_of_the_suite() -> list[Reacting]:
    """All reactions of all services, as they subscribe them; nothing is started or connected to."""
    heard: list[Reacting] = []
    for context, build in BUILDERS.items():
        listener = Listener(context)
        build(load_settings(context, {})).subscribe(cast("Bus", listener))
        heard += listener.heard
    return heard


def suite_document() -> Document:
    """The document of the whole suite."""
    return asyncapi_document(reactions_of_the_suite(), version=version("promenade-kernel"))


@cache
def files() -> Mapping[str, str]:
    """The content each file should have, by its name."""
    document = suite_document()
    return {"asyncapi.yaml": asyncapi_yaml(document), "events.html": events_page(document)}


def check(directory: Path) -> list[str]:
    """Say what is wrong with the committed files; nothing is well."""
    return [
        f"{directory / name} {fault}" for name, text in files().items() if (fault := _fault(directory / name, text))
    ]


def write(directory: Path) -> None:
    """Write the files."""
    for name, text in files().items():
        (directory / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="python -m promenade_local.asyncapi", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--check", metavar="DIR", nargs="+", type=Path, help="fail when the files are not what the code says"
    )
    action.add_argument("--write", metavar="DIR", nargs="+", type=Path, help="write the files")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        for directory in chosen.write:
            write(directory)
        return 0
    faults = [fault for directory in chosen.check for fault in check(directory)]
    for fault in faults:
        sys.stderr.write(f"{fault}: just asyncapi\n")
    return 1 if faults else 0


def _fault(path: Path, text: str) -> str:
    if not path.is_file():
        return "is missing"
    return "" if path.read_text(encoding="utf-8") == text else "is stale"


if __name__ == "__main__":
    raise SystemExit(main())
