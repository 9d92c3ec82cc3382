"""The port of password hashes."""

from __future__ import annotations

from typing import Protocol


class PasswordHashes(Protocol):
    """Makes and checks password hashes, off the event loop and so many at a time; raises `PasswordsBusy`."""

    async def make(self, password: str) -> str:
        """The hash to store."""
        ...

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether they belong together; without a hash False, after as long as it takes to compute one."""
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        ...
