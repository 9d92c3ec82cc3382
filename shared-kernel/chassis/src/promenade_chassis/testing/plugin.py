"""pytest plugin: real engines for tests, loaded wherever the chassis is installed.

Fixtures: `backends`, `new_database`, `database_url`, `migration_folders`, `redis_url`, `new_redis`, `module_redis_url`,
`private_engines`, `private_valkey`.
"""

import gc
import hashlib
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from promenade_chassis.embedded.pair import EnginePair, running_engines
from promenade_chassis.embedded.placement import remove_data
from promenade_chassis.migrations import folders_of, migrate
from promenade_chassis.testing.backends import (
    Backends,
    announce_run,
    chosen_backend,
    end_run,
    obtain_backends,
    run_folder,
)
from promenade_chassis.testing.databases import Migrate, TemplateDatabases, template_databases
from promenade_chassis.testing.redis_databases import MEETING, lent_redis_database
from promenade_chassis.testing.scratch import choose_scratch, own_folder

OWNED_RUN = pytest.StashKey[Path]()
DATABASES = "databases"  # in the run's folder: there are some to drop

# A loaded machine makes an example slow, never wrong. Here rather than in a conftest: which of those has been read
# when a test is collected depends on what else runs.
settings.register_profile("promenade", deadline=None, suppress_health_check=[HealthCheck.too_slow])


class NewDatabase(Protocol):
    """Makes a migrated database and answers its URL; it is dropped after the test."""

    def __call__(self, folders: Sequence[Path], migrate: Migrate = ...) -> str: ...


class NewRedis(Protocol):
    """Lends one more empty Redis database and answers its URL."""

    def __call__(self) -> str: ...


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the run owns its engines; workers and nested runs share them."""
    settings.load_profile("promenade")
    choose_scratch()
    folder = announce_run()
    if folder is not None:
        config.stash[OWNED_RUN] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run started."""
    folder = config.stash.get(OWNED_RUN, None)
    if folder is None:
        return
    if (folder / DATABASES).exists() and chosen_backend() == "external":
        with _templates(obtain_backends()) as templates:
            templates.drop_all()
    end_run(folder)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests live until the run ends: to look for garbage among them, again and again, took seconds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.fixture(scope="session")
def backends() -> Backends:
    """The run's PostgreSQL and Redis, shared by all its workers."""
    return obtain_backends()


@pytest.fixture(scope="session")
def migration_folders() -> Sequence[Path]:
    """What `database_url` is migrated with: the chassis' tables. A service's conftest overrides it with its own."""
    return folders_of("promenade_chassis")[:1]


@pytest.fixture(scope="session")
def templates(backends: Backends) -> Generator[TemplateDatabases]:
    """What this worker makes databases with."""
    (run_folder() / DATABASES).touch()
    with _templates(backends) as templates:
        yield templates


@pytest.fixture
def new_database(templates: TemplateDatabases) -> Generator[NewDatabase]:
    """A factory: `new_database(folders)` is the URL of a migrated database for this test alone."""
    made: list[str] = []

    def make(folders: Sequence[Path], migrate: Migrate = migrate) -> str:
        made.append(templates.copy(folders, migrate))
        return made[-1]

    yield make
    for url in made:
        templates.drop(url)


@pytest.fixture
def database_url(new_database: NewDatabase, migration_folders: Sequence[Path]) -> str:
    """The URL of a database for this test alone, migrated with `migration_folders`."""
    return new_database(migration_folders)


@pytest.fixture
def new_redis(backends: Backends) -> Generator[NewRedis]:
    """A factory: each call lends one more empty Redis database, until the test ends."""
    with ExitStack() as lent:
        yield lambda: lent.enter_context(lent_redis_database(backends.redis_url, _redis_locks(backends)))


@pytest.fixture
def redis_url(new_redis: NewRedis) -> str:
    """The URL of an empty Redis database for this test alone; FLUSHDB is safe, FLUSHALL is not."""
    return new_redis()


@pytest.fixture(scope="module")
def module_redis_url(backends: Backends) -> Generator[str]:
    """As `redis_url`, for a process that a module's tests share: whoever empties it may disturb the others."""
    with lent_redis_database(backends.redis_url, _redis_locks(backends)) as url:
        yield url


@pytest.fixture
def private_engines(tmp_path: Path) -> Generator[EnginePair]:
    """PostgreSQL and Valkey of this test's own, always embedded, to kill and flush; kill -9 loses no commit."""
    try:
        with running_engines(tmp_path, valkey_durable=True) as pair:
            yield pair
    finally:
        remove_data(tmp_path)


@pytest.fixture
def private_valkey(tmp_path: Path) -> Generator[EnginePair]:
    """As `private_engines`, without PostgreSQL: to kill it, and for what all databases of a server share."""
    try:
        with running_engines(tmp_path, valkey_durable=True, names=["valkey"]) as pair:
            yield pair
    finally:
        remove_data(tmp_path)


def _templates(backends: Backends) -> AbstractContextManager[TemplateDatabases]:
    return template_databases(backends.postgres_url, f"run_{_key(str(run_folder()))}")


def _redis_locks(backends: Backends) -> Path:
    """A server that outlives the run is shared with other runs of this machine, so its locks are too."""
    if chosen_backend() != "external":
        return run_folder()
    return own_folder(MEETING / f"promenade-test-redis-{_key(backends.redis_url)}")


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
