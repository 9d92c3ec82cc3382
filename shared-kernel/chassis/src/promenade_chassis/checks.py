"""What every service depends on, as readiness checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.sentinel import Sentinel

from promenade_chassis import migrations
from promenade_chassis.database import Database
from promenade_chassis.events.redis_url import read_url

Checks = dict[str, Callable[[], Awaitable[bool]]]


def service_checks(database: Database, redis: Redis, package: str) -> Checks:
    """`database` answers, `redis` answers, and every one of the package's `migrations` is applied."""

    async def redis_answers() -> bool:
        return bool(await redis.ping())  # pyright: ignore[reportUnknownMemberType]  # typed loosely by the library

    async def migrations_are_current() -> bool:
        async with database.reading_connection() as connection:
            return await migrations.is_current(connection, migrations.folders_of(package))

    return {"database": database.is_ready, "redis": redis_answers, "migrations": migrations_are_current}


def redis_of(url: str, *, seconds: float = 2.0) -> Redis:
    """A client that answers or fails within `seconds`; of any form of URL that `read_url` knows.

    On a cluster, keys that are used together have to share a hash tag, as `{auth}:…` do.
    """
    read = read_url(url)
    limits: dict[str, Any] = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    login = {"username": read.username or None, "password": read.password or None, "ssl": read.tls}
    if read.kind == "sentinel":
        sentinels = [(each.host, each.port) for each in read.endpoints]
        knowing = {"password": read.option("sentinel_password") or None, "ssl": read.tls, **limits}
        finder: Any = Sentinel(sentinels, sentinel_kwargs=knowing, db=read.database, **login, **limits)
        return finder.master_for(read.service)
    if read.kind == "cluster":
        nodes = [ClusterNode(each.host, each.port) for each in read.endpoints]
        cluster: Any = RedisCluster(startup_nodes=nodes, **login, **limits)
        return cluster  # the same commands by the same names
    return Redis.from_url(url, **limits)  # pyright: ignore[reportUnknownMemberType]  # typed loosely by the library
