"""Watching events as they are recorded: the outboxes of the four services, read by the operator of the stack."""

import asyncio
from collections.abc import Callable, Mapping

import psycopg
from promenade_kernel.events.envelope import Envelope

EVERY = 0.1
_NEWEST = "SELECT coalesce(max(seq), 0) FROM outbox"
_SINCE = "SELECT seq, envelope FROM outbox WHERE seq > %s ORDER BY seq"


async def watch_events(databases: Mapping[str, str], tell: Callable[[Envelope], None]) -> None:
    """Tell each event recorded from now on, until cancelled. `databases` maps contexts to URLs."""
    async with asyncio.TaskGroup() as group:
        for url in databases.values():
            group.create_task(_watch(url, tell))


async def _watch(url: str, tell: Callable[[Envelope], None]) -> None:
    newest: int | None = None
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                while True:
                    newest = await _tell_new(connection, newest, tell)
                    await asyncio.sleep(EVERY)
        except psycopg.OperationalError:  # the engine is being restarted
            await asyncio.sleep(EVERY)


async def _tell_new(
    connection: psycopg.AsyncConnection[tuple[object, ...]], newest: int | None, tell: Callable[[Envelope], None]
) -> int:
    if newest is None:
        row = await (await connection.execute(_NEWEST)).fetchone()
        return int(str(row[0])) if row else 0
    for seq, envelope in await (await connection.execute(_SINCE, [newest])).fetchall():
        tell(Envelope.decode(bytes(envelope)))  # pyright: ignore[reportArgumentType]  # bytea
        newest = int(str(seq))
    return newest
