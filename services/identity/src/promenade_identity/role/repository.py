"""The ports of roles."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Grants(Protocol):
    """What roles allow, system roles and custom ones alike."""

    async def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        """All that these roles allow together; names of no role allow nothing."""
        ...

    async def require(self, roles: Collection[str]) -> None:
        """Raise `Invalid` naming every one that there is no role of, at `/roles/<index>`."""
        ...
