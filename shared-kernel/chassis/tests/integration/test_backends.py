"""What the engine fixtures promise to the tests of every service."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
import redis
from promenade_chassis.embedded.pair import EnginePair
from promenade_chassis.testing.backends import Backends, chosen_backend, run_folder
from promenade_chassis.testing.plugin import NewDatabase, NewRedis


@pytest.fixture
def folders(tmp_path: Path) -> Sequence[Path]:
    """One migration that makes a table."""
    (tmp_path / "0001_things.sql").write_text("CREATE TABLE thing (name text)")
    return [tmp_path]


def test_only_we_read_where_the_engines_are(backends: Backends):
    """The superuser's password is told there, in a folder whose name everybody can list."""
    told = [*run_folder().glob("backends.json*")]

    assert len(told) == (0 if chosen_backend() == "external" else 1), backends
    assert [file.stat().st_mode & 0o077 for file in told] == [0] * len(told)


@pytest.mark.parametrize("name", ["first", "second"])
def test_each_test_gets_an_empty_migrated_database(new_database: NewDatabase, folders: Sequence[Path], name: str):
    """What one test writes, no other test sees, although both databases come from one template."""
    url = new_database(folders)

    with psycopg.connect(url) as connection:
        before = connection.execute("SELECT name FROM thing").fetchall()
        connection.execute("INSERT INTO thing VALUES (%(name)s)", {"name": name})

    assert before == []


def test_the_template_is_migrated_once(new_database: NewDatabase, folders: Sequence[Path]):
    """Two databases with the same migrations cost one migration."""
    calls: list[str] = []

    def counting(url: str, _: Sequence[Path]) -> None:
        calls.append(url)

    first, second = new_database(folders, migrate=counting), new_database(folders, migrate=counting)

    assert first != second
    assert len(calls) == 1


def test_a_failed_migration_is_tried_again(new_database: NewDatabase, folders: Sequence[Path]):
    """A template that was never finished is made anew, not copied."""
    fail = True

    def migrate(url: str, _: Sequence[Path]) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE made (name text)")
            connection.commit()
            if fail:
                raise RuntimeError("died in the middle")

    with pytest.raises(RuntimeError, match="died"):
        new_database(folders, migrate=migrate)
    fail = False
    url = new_database(folders, migrate=migrate)

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM made").fetchone() == (0,)


def test_the_databases_role_is_no_superuser(database_url: str):
    """A statement that a service's role may not execute fails in tests too."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()

    assert row == (False,)


@pytest.mark.parametrize("value", ["first", "second"])
def test_each_test_gets_an_empty_redis_database(redis_url: str, value: str):
    """What one test writes, no other test sees."""
    with redis.Redis.from_url(redis_url) as client:
        before = client.get("key")
        client.set("key", value)

    assert before is None


def test_a_test_can_have_two_redis_databases(new_redis: NewRedis, redis_url: str):
    """Flushing one leaves the other as it was."""
    with redis.Redis.from_url(redis_url) as mine, redis.Redis.from_url(new_redis()) as other:
        mine.set("key", "value")
        other.flushdb()

        assert mine.get("key") == b"value"


def test_private_engines_can_be_killed_and_come_back(private_engines: EnginePair):
    """A durable commit is there after kill -9 of PostgreSQL; Valkey answers again too."""
    with psycopg.connect(private_engines.postgres.admin_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")

    private_engines.restart("postgres", kill=True)
    private_engines.restart("valkey", kill=True)

    with psycopg.connect(private_engines.postgres.admin_url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    with redis.Redis.from_url(private_engines.valkey.url) as client:
        assert client.ping()
