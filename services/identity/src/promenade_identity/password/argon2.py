"""Password hashes by argon2id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import msgspec
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from promenade_identity.password.entity import PasswordsBusy

Answer = TypeVar("Answer")


class PasswordSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `passwords`. The costs are OWASP's for argon2id; stored hashes are remade at the next login."""

    minimum: int = 15
    memory_kib: int = 19_456
    iterations: int = 2
    parallelism: int = 1
    threads: int = 2
    waiting: int = 200
    longest_wait_ms: int = 5_000
    answer_after_ms: int = 100


class Argon2Hashes:
    """Hashes in threads of its own: as many as `threads` at once, the others wait without holding up the loop.

    No more than `waiting` of them (three seconds with OWASP's costs on two cores), and none for longer than
    `longest_wait_ms`: whoever comes then, or has waited in vain, is told to come again, before anything that depends
    on the password or its owner has been done.
    """

    def __init__(self, settings: PasswordSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.iterations,
            memory_cost=settings.memory_kib,
            parallelism=settings.parallelism,
            type=Type.ID,
        )
        self._room = settings.threads + settings.waiting
        self._in_hand = 0
        self._longest_wait = settings.longest_wait_ms / 1000
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="password")
        self._nobodys = self._hasher.hash("the hash that unknown users are checked against")

    async def make(self, password: str) -> str:
        """The hash to store."""
        return await self._in_a_thread(partial(self._hasher.hash, password))

    async def matches(self, password: str, password_hash: str | None) -> bool:
        """Whether they belong together; without a hash False, after as long as it takes to compute one."""
        verified = await self._in_a_thread(partial(self._verify, password, password_hash or self._nobodys))
        return verified and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    async def close(self) -> None:
        """End the threads; what they have in hand is finished."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _in_a_thread(self, work: Callable[[], Answer]) -> Answer:
        if self._in_hand >= self._room:
            raise PasswordsBusy
        self._in_hand += 1
        done = asyncio.get_running_loop().run_in_executor(
            self._threads, self._in_time, work, monotonic() + self._longest_wait
        )
        # Not when the caller goes away: the thread has it in hand all the same.
        done.add_done_callback(self._put_down)
        return await done

    def _in_time(self, work: Callable[[], Answer], until: float) -> Answer:
        """Do it, unless its turn has come too late: an answer nobody waits for any more costs the next ones theirs."""
        if monotonic() > until:
            raise PasswordsBusy
        return work()

    def _put_down(self, _: asyncio.Future[Any]) -> None:
        self._in_hand -= 1

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
