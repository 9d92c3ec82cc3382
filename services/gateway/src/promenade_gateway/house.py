"""What the connections of one listener share: how many there may be, of whom, and that they end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from promenade_gateway.answer import Answer
from promenade_gateway.familiar import FamiliarHeads
from promenade_gateway.request import Request

Serve = Callable[[Request, Answer], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What one client may take: bytes, and seconds for each step."""

    head_bytes: int
    head_seconds: float
    idle_seconds: float
    keep_alive_seconds: float
    body_bytes_per_second: int
    max_connections: int
    max_connections_per_address: int


class Guest(Protocol):
    """A client's connection. `network` is what of its address is counted as one client."""

    has_asked: bool
    address: str | None
    network: str

    def leave(self) -> None:
        """Answer what has been asked, then close."""
        ...

    def abort(self) -> None:
        """Break the connection."""
        ...


class House:
    """What all connections of one listener share. `stands_for_many` tells the addresses that no limit is meant for."""

    def __init__(self, serve: Serve, limits: ClientLimits, stands_for_many: Callable[[str | None], bool]) -> None:
        self.serve = serve
        self.limits = limits
        self.heads = FamiliarHeads()
        self.connections: set[Guest] = set()
        self._stands_for_many = stands_for_many
        self._by_network: Counter[str] = Counter()
        self.is_draining = False
        self.is_empty = asyncio.Event()
        self.is_empty.set()
        self.loop = asyncio.get_running_loop()

    def enter(self, connection: Guest) -> bool:
        """Whether there was room; it is inside all the same."""
        self.connections.add(connection)
        self.is_empty.clear()
        self._by_network[connection.network] += 1
        if len(self.connections) > self.limits.max_connections:
            return False
        crowded = self._by_network[connection.network] > self.limits.max_connections_per_address
        return not crowded or self._stands_for_many(connection.address)

    def leave(self, connection: Guest) -> None:
        """It has ended."""
        self.connections.discard(connection)
        self._by_network[connection.network] -= 1
        if not self._by_network[connection.network]:
            del self._by_network[connection.network]
        if not self.connections:
            self.is_empty.set()
