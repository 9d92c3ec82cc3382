"""Migrations: numbered files, applied once, in order, by whoever comes first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database
from promenade_chassis.migrations import ChangedMigration, checksum, folders_of, is_current, migrate, migration_files
from promenade_chassis.testing.plugin import NewDatabase


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A service's folder: the second file needs what the first has made."""
    folder = tmp_path / "a [folder] with * in it"
    folder.mkdir()
    (folder / "0001_cat.sql").write_text("CREATE TABLE cat (name text);")
    (folder / "0002_cats_name.sql").write_text("CREATE INDEX cat_name ON cat (name);")
    (folder / "notes.sql").write_text("this is no migration")
    (folder / "0003_code.py").write_text("raise SystemExit('nor is this')")
    return folder


@pytest.fixture
def folders(own: Path) -> Sequence[Path]:
    """The chassis' folder, then the service's."""
    return [*folders_of("promenade_chassis")[:1], own]


@pytest.fixture
def url(new_database: NewDatabase) -> str:
    """An empty database."""
    return new_database([], migrate=lambda _url, _folders: None)


def names(url: str, statement: Any) -> set[str]:
    with psycopg.connect(url) as connection:
        return {str(row[0]) for row in connection.execute(statement).fetchall()}


def tables(url: str) -> set[str]:
    return names(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")


async def current(url: str, folders: Sequence[Path]) -> bool:
    database = Database(DatabaseSettings(url=url))
    await database.open()
    try:
        async with database.reading_connection() as connection:
            return await is_current(connection, folders)
    finally:
        await database.close()


def test_an_empty_database_gets_everything_in_order(url: str, folders: Sequence[Path]) -> None:
    """The chassis' tables first, then the service's files by number."""
    applied = migrate(url, folders)

    assert applied[0] == "0001_chassis"
    assert applied[-2:] == ["0001_cat", "0002_cats_name"]
    assert applied == [path.stem for path in migration_files(folders)]
    assert {"outbox", "inbox", "idempotency_record", "cat"} <= tables(url)


def test_a_second_run_does_nothing(url: str, folders: Sequence[Path]) -> None:
    """Migrating is safe at every start."""
    migrate(url, folders)

    assert migrate(url, folders) == []


def test_a_new_file_is_applied_to_a_database_in_use(url: str, own: Path, folders: Sequence[Path]) -> None:
    """What is there stays."""
    migrate(url, folders)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO cat VALUES ('Minka')")
    (own / "0003_age.sql").write_text("ALTER TABLE cat ADD COLUMN age int;")

    assert migrate(url, folders) == ["0003_age"]
    assert names(url, "SELECT name FROM cat WHERE age IS NULL") == {"Minka"}


def test_rows_taken_back_before_the_database_saw_to_it_wait(url: str, tmp_path: Path) -> None:
    """A relay of an old release took them back, and nothing noted that they wait; none is noted twice."""
    chassis = folders_of("promenade_chassis")[0]
    before = tmp_path / "before"
    before.mkdir()
    for path in sorted(chassis.glob("000[1-5]_*.sql")):
        (before / path.name).write_bytes(path.read_bytes())
    migrate(url, [before])
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO outbox (event_id, subject, sequence, major, type, envelope)"
            " SELECT gen_random_uuid(), gen_random_uuid(), 1, 1, 'user.suspended.v1', '' FROM generate_series(1, 3)"
        )
        connection.execute("DELETE FROM outbox_pending WHERE seq <> 2")
        connection.execute("UPDATE outbox SET published_at = now() WHERE seq = 3")

    migrate(url, [chassis])

    assert names(url, "SELECT seq FROM outbox_pending") == {"1", "2"}


def test_an_edited_file_is_refused(url: str, own: Path, folders: Sequence[Path]) -> None:
    """An applied file that changed would give two databases of one version; nothing is applied, not even new files."""
    migrate(url, folders)
    (own / "0001_cat.sql").write_text("CREATE TABLE cat (name text, age int);")
    (own / "0003_dog.sql").write_text("CREATE TABLE dog (name text);")

    with pytest.raises(ChangedMigration, match=r"0001_cat\.sql"):
        migrate(url, folders)
    assert "dog" not in tables(url)


def test_a_file_that_fails_leaves_nothing_of_itself(url: str, own: Path, folders: Sequence[Path]) -> None:
    """Each file is one transaction; once it is mended the run goes on where it stopped."""
    broken = own / "0002_cats_name.sql"
    broken.write_text("CREATE TABLE dog (name text); CREATE INDEX nothing ON nowhere (name);")
    with pytest.raises(psycopg.errors.UndefinedTable):
        migrate(url, folders)
    after_failure = tables(url)

    broken.write_text("CREATE TABLE dog (name text);")
    migrate(url, folders)

    assert "cat" in after_failure
    assert "dog" not in after_failure
    assert "dog" in tables(url)


def test_processes_that_start_at_once_take_turns(url: str, folders: Sequence[Path]) -> None:
    """Several replicas migrate one database: each file is applied by exactly one of them, and all succeed."""
    program = "import sys; from pathlib import Path; from promenade_chassis.migrations import migrate; "
    program += "print(*migrate(sys.argv[1], [Path(p) for p in sys.argv[2:]]), sep='\\n')"
    command = [sys.executable, "-c", program, url, *map(str, folders)]

    replicas = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [replica.communicate(timeout=180) for replica in replicas]

    assert [replica.returncode for replica in replicas] == [0, 0, 0], outputs
    expected = sorted(path.stem for path in migration_files(folders))
    assert sorted("".join(out for out, _ in outputs).split()) == expected


async def test_a_database_is_current_when_every_file_is_applied_unchanged(
    url: str, own: Path, folders: Sequence[Path]
) -> None:
    """What readiness asks: not before the first run, not with a file missing, not with one changed."""
    fresh = await current(url, folders)
    migrate(url, folders)
    migrated = await current(url, folders)
    extra = own / "0003_dog.sql"
    extra.write_text("CREATE TABLE dog (name text);")
    behind = await current(url, folders)
    extra.unlink()
    (own / "0001_cat.sql").write_text("-- edited")
    edited = await current(url, folders)

    assert (fresh, migrated, behind, edited) == (False, True, False, False)


def test_the_chassis_finds_its_own_files() -> None:
    """In the source tree and in a wheel alike; each file has a checksum of its bytes."""
    files = migration_files(folders_of("promenade_chassis")[:1])

    assert files[0].name == "0001_chassis.sql"
    assert len({checksum(path) for path in files}) == len(files)
