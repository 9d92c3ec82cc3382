"""Password hashes: their costs, and what happens to those who wait for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from promenade_chassis.testing.polling import eventually
from promenade_identity.password.argon2 import Argon2Hashes, PasswordSettings
from promenade_identity.password.entity import PasswordsBusy

CHEAP = PasswordSettings(memory_kib=64, iterations=1)
PASSWORD = "a walrus reads the evening news"


@pytest.fixture
async def hashes() -> AsyncGenerator[Argon2Hashes, None]:
    """Hashes at their real cost."""
    hashes = Argon2Hashes(PasswordSettings())
    yield hashes
    await hashes.close()


class HeldUp(Argon2Hashes):
    """Two threads, each of which waits with the password in hand until it is let go; two more may wait."""

    def __init__(self) -> None:
        super().__init__(PasswordSettings(memory_kib=64, iterations=1, threads=2, waiting=2))
        self.let_go = threading.Event()
        self.at_work = 0

    def require_two_at_work(self) -> None:
        assert self.at_work == 2

    def _verify(self, password: str, password_hash: str) -> bool:
        self.at_work += 1
        self.let_go.wait(30)
        return super()._verify(password, password_hash)


async def test_costs_are_those_owasp_names(hashes: Argon2Hashes) -> None:
    """argon2id with 19 MiB, two passes, one lane, and a salt and a digest of common lengths."""
    parameters = extract_parameters(await hashes.make(PASSWORD))

    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19_456, 2, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)


async def test_a_hash_belongs_to_its_password_alone(hashes: Argon2Hashes) -> None:
    """Without a hash, and with one that is none, the answer is no."""
    made = await hashes.make(PASSWORD)

    answers = [
        await hashes.matches(PASSWORD, made),
        await hashes.matches(PASSWORD.upper(), made),
        await hashes.matches(PASSWORD, None),
        await hashes.matches("the hash that unknown users are checked against", None),
        await hashes.matches(PASSWORD, "no hash at all"),
    ]

    assert answers == [True, False, False, False, False]


@pytest.mark.parametrize("changed", [{"memory_kib": 19_457}, {"iterations": 3}, {"parallelism": 2}])
async def test_hashes_of_other_costs_are_outdated(hashes: Argon2Hashes, changed: dict[str, int]) -> None:
    """Dearer or cheaper: they still match, and are to be made anew."""
    others = Argon2Hashes(PasswordSettings(**changed))
    made = await others.make(PASSWORD)
    await others.close()

    assert hashes.is_outdated(made)
    assert not hashes.is_outdated(await hashes.make(PASSWORD))
    assert await hashes.matches(PASSWORD, made)


async def test_the_loop_goes_on_while_passwords_are_hashed() -> None:
    """Hashes that take as long as they are let do not hold up anything else."""
    hashes, turns = HeldUp(), 0
    checks = [asyncio.create_task(hashes.matches(PASSWORD, None)) for _ in range(4)]

    for _ in range(1000):
        await asyncio.sleep(0)
        turns += 1
    done_before = [check.done() for check in checks]
    hashes.let_go.set()

    assert (turns, done_before) == (1000, [False] * 4)
    assert await asyncio.gather(*checks) == [False] * 4
    await hashes.close()


async def test_the_queue_has_an_end() -> None:
    """Two at work, two waiting: the fifth is sent away at once, for a known user as for none, and may come again."""
    hashes = HeldUp()
    own = await Argon2Hashes(CHEAP).make(PASSWORD)
    checks = [asyncio.create_task(hashes.matches(PASSWORD, own)) for _ in range(4)]
    await asyncio.sleep(0)

    for password_hash in (own, None):
        with pytest.raises(PasswordsBusy) as refusal:
            await hashes.matches(PASSWORD, password_hash)
        assert refusal.value.headers["Retry-After"] == "1"
    with pytest.raises(PasswordsBusy):
        await hashes.make(PASSWORD)
    hashes.let_go.set()

    assert await asyncio.gather(*checks) == [True] * 4
    assert await hashes.matches(PASSWORD, own)
    await hashes.close()


async def test_who_goes_away_leaves_the_queue() -> None:
    """One who waited and hung up makes room for the next."""
    hashes = HeldUp()
    checks = [asyncio.create_task(hashes.matches(PASSWORD, None)) for _ in range(4)]
    await asyncio.sleep(0)
    checks[-1].cancel()
    await asyncio.wait(checks[-1:])

    another = asyncio.create_task(hashes.matches(PASSWORD, None))
    await asyncio.sleep(0)
    hashes.let_go.set()

    assert await asyncio.gather(*checks[:-1], another) == [False] * 4
    await hashes.close()


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose turn comes too late is sent away without a hash; those at work are answered, and so is who comes next."""
    now = [1000.0]
    monkeypatch.setattr("promenade_identity.password.argon2.monotonic", lambda: now[0])
    hashes = HeldUp()
    checks = [asyncio.create_task(hashes.matches(PASSWORD, None)) for _ in range(4)]
    await eventually(hashes.require_two_at_work)
    now[0] += 5.001
    hashes.let_go.set()

    answers = await asyncio.gather(*checks, return_exceptions=True)

    assert answers[:2] == [False] * 2
    assert [type(answer) for answer in answers[2:]] == [PasswordsBusy] * 2
    assert not await hashes.matches(PASSWORD, None)
    await hashes.close()
