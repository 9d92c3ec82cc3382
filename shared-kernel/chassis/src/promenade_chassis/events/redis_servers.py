"""Which server to ask: the one there is, or the one that the sentinels call the master at the moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from redis.exceptions import ConnectionError, ReadOnlyError, RedisError  # noqa: A004 - Redis' own

from promenade_chassis.events.redis_url import Endpoint, RedisUrl
from promenade_chassis.events.redis_wire import RedisWire, Word, pack

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_CONNECT_SECONDS = 2.0


class Servers(Protocol):
    """Finds the connection for a command."""

    async def wire(self, words: Sequence[Word], at: Word | None) -> RedisWire:
        """An open connection to the server that answers this command, or commands on the key `at`."""
        ...

    def at_hand(self) -> RedisWire | None:
        """The open connection, if there is one that answers every command."""
        ...

    def refused(self, error: RedisError) -> bool:
        """Told of an error answer; whether the same command is for another server and was not executed here."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


async def open_wire(
    url: RedisUrl,
    endpoint: Endpoint,
    *,
    answers_within: float,
    overhear: Callable[[Any], None] | None = None,
    password: str | None = None,
) -> RedisWire:
    """A connection that is logged in, on its database; raises `RedisError` or `OSError`."""
    async with asyncio.timeout(_CONNECT_SECONDS):
        wire = await _dial(url, endpoint, lambda: RedisWire(answers_within=answers_within, overhear=overhear))
        try:
            await _introduce(wire, url, url.password if password is None else password)
        except BaseException:
            wire.close()
            raise
    return wire


async def _dial(url: RedisUrl, endpoint: Endpoint, make: Callable[[], RedisWire]) -> RedisWire:
    loop = asyncio.get_running_loop()
    if endpoint.path:
        _, wire = await loop.create_unix_connection(make, endpoint.path)
        return wire
    tls = url.tls_context()
    _, wire = await loop.create_connection(
        make, endpoint.host, endpoint.port, ssl=tls, server_hostname=endpoint.host if tls else None
    )
    return wire


async def _introduce(wire: RedisWire, url: RedisUrl, password: str) -> None:
    greetings = [pack("CLIENT", "SETNAME", url.option("client_name") or "promenade")]
    if url.database:
        greetings.insert(0, pack("SELECT", url.database))
    if password:
        login = (url.username, password) if url.username else (password,)
        greetings.insert(0, pack("AUTH", *login))
    for answer in await wire.ask(b"".join(greetings), len(greetings)):
        if isinstance(answer, Exception):
            raise answer


class OneServer:
    """One server at a time; a broken connection is made anew by whoever asks next."""

    def __init__(self, url: RedisUrl, *, answers_within: float, overhear: Callable[[Any], None] | None = None) -> None:
        self._url = url
        self._answers_within = answers_within
        self._overhear = overhear
        self._wire: RedisWire | None = None
        self._connecting = asyncio.Lock()

    async def wire(self, words: Sequence[Word], at: Word | None) -> RedisWire:
        """See `Servers.wire`."""
        if self._wire is not None and self._wire.is_open:
            return self._wire
        async with self._connecting:
            if self._wire is None or not self._wire.is_open:
                self._wire = await self._connect()
            return self._wire

    def at_hand(self) -> RedisWire | None:
        """See `Servers.at_hand`."""
        return self._wire if self._wire is not None and self._wire.is_open else None

    def refused(self, error: RedisError) -> bool:
        """A master that became a replica is left, so that the next one who asks finds the new master."""
        if isinstance(error, ReadOnlyError) and self._wire is not None:
            self._wire.close()
        return False

    async def close(self) -> None:
        """See `Servers.close`."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def _connect(self) -> RedisWire:
        return await self._open(self._url.endpoints[0])

    async def _open(self, endpoint: Endpoint) -> RedisWire:
        return await open_wire(self._url, endpoint, answers_within=self._answers_within, overhear=self._overhear)


class Master(OneServer):
    """The master the sentinels name, if it says so itself: after a failover they may not have heard of it yet."""

    async def _connect(self) -> RedisWire:
        faults: list[str] = []
        for sentinel in self._url.endpoints:
            try:
                return await self._master_of(sentinel)
            except (RedisError, OSError) as fault:
                faults.append(f"{sentinel.host}:{sentinel.port}: {fault}"[:100])
        raise ConnectionError(f"no sentinel leads to the master of {self._url.service}: {'; '.join(faults)}")

    async def _master_of(self, sentinel: Endpoint) -> RedisWire:
        wire = await self._open(await self._ask(sentinel))
        (role,) = await wire.ask(pack("ROLE"))
        if isinstance(role, Exception) or role[0] != b"master":
            wire.close()
            raise ConnectionError("the master has become a replica")
        return wire

    async def _ask(self, sentinel: Endpoint) -> Endpoint:
        url = RedisUrl("server", (sentinel,), tls=self._url.tls, options=self._url.options)
        password = self._url.option("sentinel_password")
        wire = await open_wire(url, sentinel, answers_within=_CONNECT_SECONDS, password=password)
        try:
            (found,) = await wire.ask(pack("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.service))
        finally:
            wire.close()
        if isinstance(found, Exception):
            raise found
        if not found:
            raise ConnectionError(f"knows no {self._url.service}")
        return Endpoint(found[0].decode(), int(found[1]))
