"""Signing in, refreshing and registering in parallel, on a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from uuid import UUID

import jwt
import pytest
from identity_service import PASSWORD, active_user, fresh_address, furnished
from promenade_chassis.config import Settings
from promenade_chassis.database import Database
from promenade_chassis.ports import DomainError, Principal, StaleVersion, utc_now
from promenade_identity.code.entity import Purpose
from promenade_identity.contact.entity import InvalidCode
from promenade_identity.furniture import Rooms
from promenade_identity.key.use_cases import ensure_signing_key
from promenade_identity.password.entity import NewPassword
from promenade_identity.recovery.use_cases import reset_password
from promenade_identity.revocation.entity import Revocation
from promenade_identity.session.entity import InvalidCredentials, InvalidRefreshToken, RefreshTokenReused
from promenade_identity.session.use_cases import Client, SignedIn, login, logout_all, refresh
from promenade_identity.user.entity import LOCK_EVERY, User, UserStatus
from promenade_identity.user.use_cases import register, verify_email
from promenade_kernel.values.email import Email

CLIENT = Client("Tablet", "203.0.113.9")


async def sign_in(rooms: Rooms, address: Email, password: str = PASSWORD) -> SignedIn:
    return await login(address, password, client=CLIENT, room=rooms.session)


async def outcomes(*calls: object) -> list[object]:
    """What each of the parallel calls answered, or the domain error it raised."""
    found = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[call-overload]
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, DomainError):
            raise each
    return list(found)


async def tokens_of(rooms: Rooms, user_id: UUID) -> AsyncGenerator[int, None]:
    """The numbers of all refresh tokens that are stored of a user."""
    assert isinstance(rooms.session.unit_of_work, Database)
    async with rooms.session.unit_of_work.reading_connection() as connection:
        found = await connection.execute(
            "SELECT t.counter FROM refresh_token t JOIN session s ON s.id = session_id WHERE user_id = %s ORDER BY 1",
            [user_id],
        )
        for row in await found.fetchall():
            yield row["counter"]


async def test_parallel_refreshes_get_one_successor(rooms: Rooms) -> None:
    """Eight tabs at once: all are answered, with one refresh token and eight access tokens; it goes on from there."""
    signed_in = await sign_in(rooms, await active_user(rooms))

    answers = await asyncio.gather(
        *(refresh(signed_in.refresh_token, client=CLIENT, room=rooms.session) for _ in range(8))
    )

    successors = {answer.refresh_token for answer in answers}
    tokens = {jwt.decode(answer.access_token, options={"verify_signature": False})["jti"] for answer in answers}
    stored = [each async for each in tokens_of(rooms, answers[0].user.id)]
    assert (len(successors), len(tokens)) == (1, 8)
    assert stored == [0, 1]
    assert await refresh(successors.pop(), client=CLIENT, room=rooms.session)


async def test_parallel_reuse_ends_the_family_once(rooms: Rooms) -> None:
    """One call is told of the reuse, the others that the token is not valid; there is one revocation."""
    signed_in = await sign_in(rooms, await active_user(rooms))
    token = signed_in.refresh_token
    for _ in range(2):
        token = (await refresh(token, client=CLIENT, room=rooms.session)).refresh_token

    answers = await outcomes(*(refresh(signed_in.refresh_token, client=CLIENT, room=rooms.session) for _ in range(8)))

    assert Counter(map(type, answers)) == {RefreshTokenReused: 1, InvalidRefreshToken: 7}
    assert await rooms.session.revocations.newest() == 1
    with pytest.raises(InvalidRefreshToken):
        await refresh(token, client=CLIENT, room=rooms.session)


async def test_fifty_parallel_wrong_passwords_count_fifty(rooms: Rooms) -> None:
    """None is lost, and there is one lock, though ten times five were wrong."""
    address = await active_user(rooms)

    answers = await outcomes(*(sign_in(rooms, address, "wrong password, again") for _ in range(50)))

    user = await rooms.user.users.find_by_email(address)
    assert Counter(map(type, answers)) == {InvalidCredentials: 50}
    assert user is not None
    assert user.failed_logins == 50
    assert user.is_locked(utc_now())
    with pytest.raises(InvalidCredentials):
        await sign_in(rooms, address)


async def test_a_right_password_among_many_guesses_comes_too_late(rooms: Rooms) -> None:
    """Guessing in parallel gets no more tries than guessing one after the other."""
    address = await active_user(rooms)
    guesses = [sign_in(rooms, address, "wrong password, again") for _ in range(4 * LOCK_EVERY)]

    *_, last = await outcomes(*guesses, sign_in(rooms, address))

    assert isinstance(last, InvalidCredentials)


async def test_an_address_registered_in_parallel_is_one_user(rooms: Rooms) -> None:
    """All calls are taken, each with its own attempt, however the address is spelled."""
    address = fresh_address()
    spellings = [address, address.upper()] * 4

    answers = await outcomes(
        *(
            register(Email(each), NewPassword(PASSWORD), display_name=None, locale=None, room=rooms.user)
            for each in spellings
        )
    )

    user = await rooms.user.users.find_by_email(Email(address))
    assert answers == [None] * 8
    assert user is not None
    assert user.status is UserStatus.PENDING
    assert user.last_sequence == 8
    assert len(await rooms.user.attempts.of_user(user.id)) == 8


async def test_a_code_that_arrives_often_at_once_activates_once(rooms: Rooms) -> None:
    """Of eight calls with the right code on connections of their own one makes the user; the others are too late."""
    address = Email(fresh_address())
    await register(address, NewPassword(PASSWORD), display_name=None, locale=None, room=rooms.user)
    user = await rooms.user.users.find_by_email(address)
    assert user is not None
    (attempt,) = await rooms.user.attempts.of_user(user.id)
    code, issued = rooms.user.mint.issue(Purpose.ACTIVATE_USER, attempt.id, utc_now())
    async with rooms.user.unit_of_work.begin():
        await rooms.user.codes.replace(issued)

    answers = await outcomes(*(verify_email(address, code, room=rooms.user) for _ in range(8)))

    assert Counter(map(type, answers)) == {User: 1, InvalidCode: 7}


async def test_a_reset_code_that_arrives_often_at_once_counts_once(rooms: Rooms) -> None:
    """Of eight calls, each with a password of its own, one sets its password."""
    address = await active_user(rooms)
    user = await rooms.user.users.find_by_email(address)
    assert user is not None
    code, issued = rooms.user.mint.issue(Purpose.RESET_PASSWORD, user.id, utc_now())
    async with rooms.user.unit_of_work.begin():
        await rooms.user.codes.replace(issued)
    passwords = [NewPassword(f"{n} otters write the weather report") for n in range(8)]

    answers = await outcomes(*(reset_password(address, code, each, room=rooms.recovery) for each in passwords))

    assert Counter(map(type, answers)) == {type(None): 1, InvalidCode: 7}
    await sign_in(rooms, address, passwords[answers.index(None)])


async def test_parallel_guesses_at_a_reset_are_five_tries(rooms: Rooms) -> None:
    """However many come at once; then the right code is wrong, too."""
    address = await active_user(rooms)
    user = await rooms.user.users.find_by_email(address)
    assert user is not None
    code, issued = rooms.user.mint.issue(Purpose.RESET_PASSWORD, user.id, utc_now())
    async with rooms.user.unit_of_work.begin():
        await rooms.user.codes.replace(issued)
    guesses = [f"{(int(code) + n) % 1_000_000:06d}" for n in range(1, 21)]
    new = NewPassword("an otter writes the weather report")

    answers = await outcomes(*(reset_password(address, guess, new, room=rooms.recovery) for guess in guesses))
    (right,) = await outcomes(reset_password(address, code, new, room=rooms.recovery))

    assert Counter(map(type, [*answers, right])) == {InvalidCode: 21}
    await sign_in(rooms, address)


async def test_logging_out_everywhere_leaves_no_session(rooms: Rooms) -> None:
    """Logins that run in parallel either come before it and end, or after it and carry the new epoch."""
    address = await active_user(rooms)
    first = await sign_in(rooms, address)
    principal = Principal(id=first.user.id)

    answers = await outcomes(
        logout_all(principal=principal, room=rooms.session), *(sign_in(rooms, address) for _ in range(6))
    )

    assert not any(isinstance(each, StaleVersion) for each in answers[1:])
    for each in (answer for answer in answers if isinstance(answer, SignedIn)):
        lives = not isinstance(
            (await outcomes(refresh(each.refresh_token, client=CLIENT, room=rooms.session)))[0], Exception
        )
        assert lives == (each.user.authz_epoch == 1)


async def test_replicas_that_start_together_make_one_key(settings: Settings) -> None:
    """Whoever comes second finds the key of the first."""
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(furnished(settings, with_key=False)) for _ in range(4)]

        await asyncio.gather(*(ensure_signing_key(room=rooms.key) for rooms, _ in replicas))

        published = [tuple(key.kid for key in await rooms.key.ring.published()) for rooms, _ in replicas]
        assert len(set(published)) == 1
        assert len(published[0]) == 1


async def test_revocations_are_committed_in_the_order_of_their_numbers(rooms: Rooms) -> None:
    """The one that took its number first is seen first, even when it takes long to commit."""
    may_commit, numbered = asyncio.Event(), asyncio.Event()
    seen: list[int] = []

    async def slowly() -> None:
        async with rooms.session.unit_of_work.begin():
            await rooms.session.revocations.add(Revocation.of_session(UUID(int=1), utc_now()))
            numbered.set()
            await may_commit.wait()
        seen.append(1)

    async def quickly() -> None:
        await numbered.wait()
        async with rooms.session.unit_of_work.begin():
            await rooms.session.revocations.add(Revocation.of_session(UUID(int=2), utc_now()))
        seen.append(2)

    async def reader() -> None:
        await numbered.wait()
        for _ in range(5):
            assert await rooms.session.revocations.newest() == 0
        # While the first has not committed, the second cannot have; afterwards either may hear of its commit first.
        assert seen == []
        may_commit.set()

    await asyncio.gather(slowly(), quickly(), reader())

    backlog = await rooms.session.revocations.after(0, utc_now())
    assert sorted(seen) == [1, 2]
    assert [each.subject for each in backlog.revocations] == [str(UUID(int=1)), str(UUID(int=2))]
