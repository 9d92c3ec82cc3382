"""Engines that a test kills and starts again while its event loop goes on."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
from promenade_kernel.values.ids import new_id

from promenade_chassis.embedded.pair import NAMES, EnginePair, Name, running_engines
from promenade_chassis.embedded.placement import remove_data
from promenade_chassis.migrations import folders_of, migrate


class MortalEngines:
    """PostgreSQL and Valkey; what starts them is a thread that lives as long as they do, for they end with it."""

    def __init__(self, pair: EnginePair, starter: ThreadPoolExecutor) -> None:
        self.pair = pair
        self._starter = starter
        self._template = ""

    @property
    def redis_url(self) -> str:
        """Database 0 of the Redis."""
        return self.pair.valkey.url

    def kill(self, name: Name) -> None:
        """kill -9; it stays away until `begin`."""
        self.pair.kill(name)

    async def begin(self, name: Name) -> None:
        """Start it again on the same port and wait until it answers."""
        await asyncio.get_running_loop().run_in_executor(self._starter, self.pair.begin, name)

    async def restart(self, name: Name, *, kill: bool) -> None:
        """End it, in good order or with kill -9, and start it again."""
        restart = partial(self.pair.restart, name, kill=kill)
        await asyncio.get_running_loop().run_in_executor(self._starter, restart)

    def lose_redis_data(self) -> None:
        """While it is away: what it had on disk is gone."""
        data = self.pair.valkey._data()  # pyright: ignore[reportPrivateUsage]
        for path in data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    async def wake(self) -> None:
        """Start what is away."""
        for name in NAMES:
            if name not in self.pair.pids:
                await self.begin(name)

    async def new_database(self, name: str) -> str:
        """The URL of an empty database with the chassis' tables."""
        admin_url = self.pair.postgres.admin_url
        if not self._template:
            self._template = await asyncio.to_thread(_create, admin_url, "migrated", "template1")
            await asyncio.to_thread(migrate, self._template, folders_of("promenade_chassis")[:1])
        return await asyncio.to_thread(_create, admin_url, name, self._template.rpartition("/")[2])


@contextmanager
def mortal_engines_at(home: Path) -> Generator[MortalEngines]:
    """Both engines for the length of a with block."""
    try:
        with ThreadPoolExecutor(max_workers=1) as starter, running_engines(home, valkey_durable=True) as pair:
            yield MortalEngines(pair, starter)
    finally:
        remove_data(home)


def _create(admin_url: str, name: str, template: str) -> str:
    unique = f"{name}_{new_id().hex[-12:]}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {unique} TEMPLATE {template} STRATEGY FILE_COPY")  # pyright: ignore[reportArgumentType, reportCallIssue]
    return f"{admin_url.rpartition('/')[0]}/{unique}"
