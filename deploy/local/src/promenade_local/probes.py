"""Asking a process whether it is ready."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import psycopg
from promenade_chassis.embedded.network import LOOPBACK

PATIENCE = 5.0
EVERY = 0.05


async def until(ready: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until the answer is yes; the caller knows the deadline."""
    while not await ready():  # noqa: ASYNC110  # another process changes this, no event can tell
        await asyncio.sleep(EVERY)


async def http_status(port: int, path: str) -> int | None:
    """The status that GET answers with, or None when nobody answers in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await _get(port, path)
    except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError):
        return None


async def _get(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        answer = await reader.readline()
        return int(answer.split()[1])
    finally:
        writer.close()


async def is_ready(port: int) -> bool:
    """Whether the application on this port says that it can work."""
    return await http_status(port, "/health/ready") == HTTPStatus.OK


async def is_whole(gateway_port: int) -> bool:
    """Whether the gateway says that every service is ready."""
    return await http_status(gateway_port, "/health") == HTTPStatus.OK


async def accepts_queries(port: int) -> bool:
    """Whether PostgreSQL on this port answers a query."""
    try:
        async with asyncio.timeout(PATIENCE):
            url = f"postgresql://postgres@{LOOPBACK}:{port}/postgres"
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute("SELECT 1")
    except (OSError, TimeoutError, psycopg.Error):
        return False
    return True


async def pings(port: int) -> bool:
    """Whether Valkey on this port answers PING."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(b"PING\r\n")
            answer = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return answer.startswith(b"+PONG")
