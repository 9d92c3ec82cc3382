"""What every service depends on, as readiness checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from promenade_chassis import migrations
from promenade_chassis.database import Database

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
    """A client that answers or fails within `seconds`."""
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # the library types its options loosely
        url, socket_timeout=seconds, socket_connect_timeout=seconds
    )
