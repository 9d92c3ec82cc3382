"""The engines from the wheels, fast rather than durable."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from promenade_chassis.embedded.pair import running_engines
from promenade_chassis.embedded.placement import remove_data
from promenade_chassis.testing.backends import Backends


@contextmanager
def started(folder: Path) -> Generator[Backends]:
    """PostgreSQL and Valkey for the length of a with block; their data vanish with it."""
    home = folder / "engines"
    home.mkdir()
    home.chmod(0o711)
    try:
        with running_engines(home, durable=False) as pair:
            yield Backends(postgres_url=pair.postgres.admin_url, redis_url=pair.valkey.url)
    finally:
        remove_data(home)
