"""Migrations: the chassis' own tables first, then the service's numbered SQL files.

yoyo applies them; what it lacks is added here: a session advisory lock, so that replicas starting at once
take turns, and a checksum of each file, so that an applied file edited afterwards is refused.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg
import yoyo  # pyright: ignore[reportMissingTypeStubs]  # the library ships no types

_get_backend: Callable[[str], Any] = cast("Any", yoyo).get_backend
_read_migrations: Callable[[str], Any] = cast("Any", yoyo).read_migrations

LOCK_KEY = 7_236_618_001  # one key for everybody: it is the database that differs


class ChangedMigration(RuntimeError):
    """A migration file was edited after it had been applied."""


def migration_files(folders: Sequence[Path]) -> list[Path]:
    """The SQL files of the folders, in order of application."""
    return [path for folder in folders for path in sorted(folder.glob("[0-9]*.sql"))]


def folders_of(package: str) -> list[Path]:
    """The migration folders of a service's package: the chassis' first, then its own."""
    return [_folder("promenade_chassis"), _folder(package)]


def migrate(url: str, folders: Sequence[Path]) -> list[str]:
    """Bring the database up to date; safe to call from many processes at once.

    Answers the names of the files applied now. Raises `ChangedMigration` when an applied file has changed.
    """
    with psycopg.connect(url, autocommit=True, application_name="promenade-migrate") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration_checksum"
            " (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied = dict(connection.execute("SELECT name, sha256 FROM migration_checksum").fetchall())
        files = migration_files(folders)
        _refuse_changes(files, applied)
        fresh = [path for path in files if path.stem not in applied]
        if fresh:
            _apply(url, folders)
        for path in fresh:
            connection.execute(
                "INSERT INTO migration_checksum (name, sha256) VALUES (%s, %s)", [path.stem, checksum(path)]
            )
        return [path.stem for path in fresh]


async def is_current(connection: psycopg.AsyncConnection[dict[str, object]], folders: Sequence[Path]) -> bool:
    """Whether every migration file has been applied, unchanged."""
    found = await (await connection.execute("SELECT to_regclass('migration_checksum') AS name")).fetchone()
    if found is None or found["name"] is None:
        return False
    cursor = await connection.execute("SELECT name, sha256 FROM migration_checksum")
    applied = {str(row["name"]): row["sha256"] for row in await cursor.fetchall()}
    return all(applied.get(path.stem) == checksum(path) for path in migration_files(folders))


def checksum(path: Path) -> str:
    """SHA-256 of a migration file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_changes(files: Sequence[Path], applied: dict[str, str]) -> None:
    for path in files:
        if path.stem in applied and applied[path.stem] != checksum(path):
            raise ChangedMigration(f"{path.name} was changed after it had been applied; write a new migration instead")


def _apply(url: str, folders: Sequence[Path]) -> None:
    backend: Any = _get_backend(_yoyo_url(url))
    try:
        for folder in folders:
            # yoyo would take the path as a pattern, and run whatever ends in .sql or .py.
            migrations = _read_migrations(glob.escape(str(folder))).filter(_is_file_of(folder))
            backend.apply_migrations(backend.to_apply(migrations))
    finally:
        backend.connection.close()


def _is_file_of(folder: Path) -> Callable[[Any], bool]:
    names = {path.stem for path in migration_files([folder])}
    return lambda migration: migration.id in names


def _yoyo_url(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql+psycopg"))


def _folder(package: str) -> Path:
    root = Path(str(resources.files(package)))
    inside = root / "migrations"
    # In a wheel the folder is inside the package; in the workspace it stands beside src/.
    return inside if inside.is_dir() else root.parent.parent / "migrations"
