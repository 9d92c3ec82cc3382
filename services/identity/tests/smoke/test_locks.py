"""Wrong passwords and locks, and what happens when too many sign in at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from identity_rooms import PASSWORD, Fakes, Visitor
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.answers import problem_of
from promenade_identity.user.entity import LOCK_EVERY, User
from promenade_kernel.events.identity import UserLocked
from promenade_kernel.values.email import Email

LOGIN = "/auth/login"
WRONG = "not the password at all"


async def try_login(visitor: Visitor, address: str, password: str = PASSWORD) -> Any:
    return await visitor.post(LOGIN, {"email": address, "password": password})


async def test_a_lock_hides_that_the_password_of_a_suspended_user_is_right(visitor: Visitor, address: str) -> None:
    """Otherwise a suspended account could be guessed at without end: its owner is told once the lock is over."""
    await visitor.activate(address)
    await visitor.change(address, User.suspend)
    for _ in range(LOCK_EVERY):
        await try_login(visitor, address, WRONG)

    wrong, right = await try_login(visitor, address, WRONG), await try_login(visitor, address)

    for answer in (wrong, right):
        problem_of(answer, 401, "invalid-credentials")
    await visitor.fakes.unlock(address)
    problem_of(await try_login(visitor, address), 401, "account-suspended")


@pytest.mark.parametrize("state", ["unknown", "pending", "active", "wrong"])
async def test_when_too_many_sign_in_all_are_told_so_alike(
    visitor: Visitor, fakes: Fakes, address: str, state: str
) -> None:
    """503 with Retry-After, whether there is such a user or not; nothing was counted."""
    if state != "unknown":
        await (visitor.register(address) if state == "pending" else visitor.activate(address))
    fakes.hashes.busy = True

    answer = await try_login(visitor, address, WRONG if state == "wrong" else PASSWORD)

    problem_of(answer, 503, "passwords-busy")
    assert answer.headers["retry-after"] == "1"
    found = await fakes.users.find_by_email(Email(address))
    assert found is None or found.failed_logins == 0


@pytest.mark.parametrize("path", ["/auth/register", "/auth/password/reset"])
async def test_registering_waits_no_longer_than_signing_in(visitor: Visitor, fakes: Fakes, path: str) -> None:
    """Nothing is stored, no code is used up."""
    fakes.hashes.busy = True
    body = {"email": "ada@example.com", "password": PASSWORD}
    if path == "/auth/password/reset":
        body = {"email": "ada@example.com", "code": "123456", "new_password": PASSWORD}

    problem_of(await visitor.post(path, body), 503, "passwords-busy")

    assert fakes.unit_of_work.events == []


async def test_what_follows_a_hash_is_hidden_by_a_time_of_its_own(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Once for each answer that hashed, known address or not: the queue for hashes may be longer than the pace."""
    body = {"email": address, "password": PASSWORD}
    reset = {"email": address, "code": "123456", "new_password": PASSWORD}

    await visitor.post("/auth/register", body)
    await visitor.post("/auth/register", body)
    await try_login(visitor, address)
    await visitor.post("/auth/password/reset", reset)
    await visitor.post("/auth/password/reset", {**reset, "email": f"un{address}"})

    assert fakes.pace.restarted == fakes.hashes.computed == 5


async def test_the_fifth_wrong_password_locks_and_tells(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """The owner gets a mail, once for each lock; wrong passwords while locked lengthen nothing."""
    await visitor.activate(address)

    for _ in range(LOCK_EVERY):
        await try_login(visitor, address, WRONG)
    locked_until = (await visitor.user(address)).locked_until
    for _ in range(LOCK_EVERY):
        await try_login(visitor, address, WRONG)

    user = await visitor.user(address)
    locks = [event for event in fakes.unit_of_work.events if isinstance(event, UserLocked)]
    assert [lock.until for lock in locks] == [locked_until] == [user.locked_until]
    assert user.failed_logins == 2 * LOCK_EVERY


async def test_a_right_password_forgets_the_wrong_ones(visitor: Visitor, address: str) -> None:
    """Four wrong ones, a right one, four wrong ones: no lock."""
    await visitor.activate(address)

    for password in [WRONG] * (LOCK_EVERY - 1) + [PASSWORD] + [WRONG] * (LOCK_EVERY - 1):
        await try_login(visitor, address, password)

    user = await visitor.user(address)
    assert user.failed_logins == LOCK_EVERY - 1
    assert user.locked_until is None


async def test_each_lock_is_told_of_once_and_lasts_longer(
    visitor: Visitor, fakes: Fakes, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1, 2, 4, 8, 15 and again 15 minutes, each from the wrong password that brought it; after a login 1 again."""
    await visitor.activate(address)
    clock = [utc_now()]
    monkeypatch.setattr("promenade_identity.session.use_cases.utc_now", lambda: clock[-1])

    async def lock() -> int:
        """Wrong passwords until the account is locked, the passing of the lock, and its minutes."""
        for _ in range(LOCK_EVERY):
            await try_login(visitor, address, WRONG)
        until = (await visitor.user(address)).locked_until
        assert until is not None
        clock.append(until)
        return round((until - clock[-2]).total_seconds()) // 60

    locks = [await lock() for _ in range(6)]
    await visitor.login(address)
    after_a_login = await lock()

    told = [event.until for event in fakes.unit_of_work.events if isinstance(event, UserLocked)]
    assert (locks, after_a_login) == ([1, 2, 4, 8, 15, 15], 1)
    assert told == clock[1:]


async def test_a_lock_that_comes_while_the_password_is_checked_counts(
    visitor: Visitor, fakes: Fakes, address: str
) -> None:
    """Many guesses at once get no more tries than many one after the other."""
    await visitor.activate(address)
    guesses = [try_login(visitor, address, WRONG) for _ in range(10 * LOCK_EVERY)]

    *refused, last = await asyncio.gather(*guesses, try_login(visitor, address))

    assert {answer.status_code for answer in refused} == {401}
    problem_of(last, 401, "invalid-credentials")
    assert (await visitor.user(address)).failed_logins == 10 * LOCK_EVERY
