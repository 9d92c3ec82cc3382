"""`promenade openapi`: write the committed specifications, or check them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from litestar import Litestar
from promenade_chassis.config import load_settings
from promenade_chassis.http.openapi import Document, openapi_document, openapi_text
from promenade_gateway.gateway import create_gateway

from promenade_local.errors import StackError
from promenade_local.openapi_changes import breaking_changes, version_says_so
from promenade_local.single import BUILDERS

NAMES = ("gateway", *BUILDERS)
COMMITTED, RELEASED = "openapi.json", "openapi.released.json"

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def openapi(
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help=f"Any of {', '.join(NAMES)}; all without one.")
    ] = None,
    directory: Annotated[Path, typer.Option(help="Where the services' folders are.")] = Path("services"),
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when one is stale or breaks.")] = False,
    release: Annotated[bool, typer.Option("--release", help="Note the present ones as released.")] = False,
) -> None:
    """Write each service's openapi.json: what its routes say.

    With --check nothing is written. It fails when a committed file is not what the routes say, and when it breaks
    what the released one (openapi.released.json) promised while its version is none that may: a higher major, or
    minor while the major is 0. After a release note with --release what was promised; that fails in the same case.
    """
    chosen = _chosen(services or (), directory)
    if check:
        raise typer.Exit(_told([fault for name in chosen for fault in _faults(name, directory / name)]))
    # What was promised is not forgotten by promising something else.
    if release and _told([fault for name in chosen for fault in _breaches(directory / name, document_of(name))]):
        raise typer.Exit(1)
    for name in chosen:
        _write(directory / name, openapi_text(document_of(name)), release=release)


@cache
def application_of(name: str) -> Litestar:
    """The routes of a service or of the gateway; nothing is started or connected to."""
    settings = load_settings(name, {})
    return create_gateway(settings).pages if name == "gateway" else BUILDERS[name](settings).app


def document_of(name: str) -> Document:
    """The specification that the routes make."""
    return openapi_document(application_of(name))


def _chosen(services: Sequence[str], directory: Path) -> Sequence[str]:
    unknown = [name for name in services if name not in NAMES]
    if unknown:
        raise StackError(f"there is no service {unknown[0]!r}; there are {', '.join(NAMES)}")
    if not directory.is_dir():
        raise StackError(f"there is no folder {directory}; name it with --directory")
    return services or NAMES


def _told(faults: Sequence[str]) -> int:
    for fault in faults:
        typer.echo(fault, err=True)
    return 1 if faults else 0


def _write(folder: Path, text: str, *, release: bool) -> None:
    for file in (COMMITTED, RELEASED) if release else (COMMITTED,):
        path = folder / file
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            typer.echo(f"wrote {path}")


def _faults(name: str, folder: Path) -> Iterator[str]:
    committed, released = folder / COMMITTED, folder / RELEASED
    document = document_of(name)
    if not committed.is_file() or committed.read_text(encoding="utf-8") != openapi_text(document):
        yield f"{committed} is stale: just openapi"
    if not released.is_file():
        yield f"{released} is missing: promenade openapi --release {name}"
    yield from _breaches(folder, document)


def _breaches(folder: Path, document: Document) -> Iterator[str]:
    committed, released = folder / COMMITTED, folder / RELEASED
    if not released.is_file():
        return
    promised: Any = json.loads(released.read_text(encoding="utf-8"))
    old, new = promised["info"]["version"], document["info"]["version"]
    if not version_says_so(old, new):
        for change in breaking_changes(promised, document):
            yield f"{committed} breaks what {old} promised: {change}"
