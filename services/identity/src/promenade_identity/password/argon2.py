"""Password hashes by argon2id."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError


class PasswordSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `passwords`. The costs are OWASP's for argon2id; stored hashes are remade at the next login."""

    minimum: int = 15
    memory_kib: int = 19_456
    iterations: int = 2
    parallelism: int = 1
    threads: int = 2
    answer_after_ms: int = 100


class Argon2Hashes:
    """Hashes in threads of its own: as many as `threads` at once, the others wait without holding up the loop."""

    def __init__(self, settings: PasswordSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.iterations,
            memory_cost=settings.memory_kib,
            parallelism=settings.parallelism,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="password")
        self._nobodys = self._hasher.hash("the hash that unknown users are checked against")

    async def make(self, password: str) -> str:
        """The hash to store."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, password)

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether they belong together; without a hash False, after as long as it takes to compute one."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._verify, password, password_hash or self._nobodys
        ) and bool(password_hash)

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    async def close(self) -> None:
        """End the threads; what they have in hand is finished."""
        await asyncio.to_thread(self._threads.shutdown)

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
