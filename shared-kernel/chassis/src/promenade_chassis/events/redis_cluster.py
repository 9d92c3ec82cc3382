"""A Redis Cluster: each command goes to the node that has its key, as the nodes themselves tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from redis.crc import key_slot
from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - Redis' own

from promenade_chassis.events.redis_servers import open_wire
from promenade_chassis.events.redis_url import Endpoint, RedisUrl
from promenade_chassis.events.redis_wire import RedisWire, Word

_KEYLESS = {"CLIENT", "PING", "INFO", "PUBLISH", "SUBSCRIBE", "PUBSUB", "CONFIG", "FLUSHDB", "FLUSHALL", "CLUSTER"}
_SECOND = {"XGROUP", "XINFO"}
_SCRIPTS = {"EVAL", "EVALSHA"}


class Cluster:
    """Knows nothing at first, and learns from MOVED which node has which slot; forgets it when that node is away."""

    def __init__(self, url: RedisUrl, *, answers_within: float, overhear: Callable[[Any], None] | None = None) -> None:
        self._url = url
        self._answers_within = answers_within
        self._overhear = overhear
        self._owners: dict[int, Endpoint] = {}
        self._wires: dict[Endpoint, RedisWire] = {}
        self._connecting = asyncio.Lock()

    async def wire(self, words: Sequence[Word], at: Word | None) -> RedisWire:
        """See `Servers.wire`."""
        key = key_of(words) if at is None else at
        slot = None if key is None else key_slot(_bytes(key))
        owner = None if slot is None else self._owners.get(slot)
        if owner is None:
            return await self._any()
        try:
            return await self._wire_to(owner)
        except (RedisError, OSError):
            self._owners = {each: node for each, node in self._owners.items() if node != owner}
            raise

    def at_hand(self) -> RedisWire | None:
        """See `Servers.at_hand`: each has its part of the keys."""
        return None

    def refused(self, error: RedisError) -> bool:
        """`MOVED 3999 127.0.0.1:6381`: not executed, that node has the slot."""
        kind, _, rest = str(error).partition(" ")
        if kind != "MOVED":
            return False
        slot, _, address = rest.partition(" ")
        host, _, port = address.rpartition(":")
        self._owners[int(slot)] = Endpoint(host or self._url.endpoints[0].host, int(port))
        return True

    async def close(self) -> None:
        """See `Servers.close`."""
        for wire in self._wires.values():
            wire.close()
        self._wires.clear()

    async def _any(self) -> RedisWire:
        """The first node that can be reached: the same one as long as it can."""
        faults: list[str] = []
        for endpoint in dict.fromkeys([*self._url.endpoints, *self._owners.values()]):
            try:
                return await self._wire_to(endpoint)
            except (RedisError, OSError) as fault:
                faults.append(f"{endpoint.host}:{endpoint.port}: {fault}"[:100])
        raise ConnectionError(f"no node of the cluster answers: {'; '.join(faults)}")

    async def _wire_to(self, endpoint: Endpoint) -> RedisWire:
        async with self._connecting:
            wire = self._wires.get(endpoint)
            if wire is None or not wire.is_open:
                wire = await open_wire(
                    self._url, endpoint, answers_within=self._answers_within, overhear=self._overhear
                )
                self._wires[endpoint] = wire
            return wire


def key_of(words: Sequence[Word]) -> Word | None:
    """The key a command works on; None when it works on none. Of the commands used here each has at most one."""
    name = str(words[0]).upper() if words else ""
    if not name or name in _KEYLESS:
        return None
    if name in _SCRIPTS:
        return words[3]
    if name == "XREADGROUP":
        return words[words.index("STREAMS") + 1]
    return words[2] if name in _SECOND else words[1]


def _bytes(word: Word) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()
