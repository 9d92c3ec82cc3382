"""Staff, users and strangers at work on the same user at once, on a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from identity_service import PASSWORD, active_user, fresh_address
from identity_users import add_user
from promenade_chassis.ports import DomainError, PageRequest, Principal, StaleVersion, utc_now
from promenade_chassis.testing.polling import eventually
from promenade_identity.administration.entity import LastSuperadmin, ManagedUser
from promenade_identity.administration.use_cases import (
    change_user_roles,
    delete_user,
    invite_user,
    reinstate_due_users,
    restore_user,
    suspend_user,
)
from promenade_identity.audit.entity import Action
from promenade_identity.contact.entity import EmailTaken
from promenade_identity.furniture import Engines, Rooms
from promenade_identity.password.entity import NewPassword
from promenade_identity.revocation.redis import MARK
from promenade_identity.session.entity import InvalidCredentials, InvalidRefreshToken
from promenade_identity.session.use_cases import Client, SignedIn, login, refresh
from promenade_identity.user.entity import AccountSuspended, User, UserStatus
from promenade_identity.user.use_cases import register
from promenade_kernel.values.email import Email

CLIENT = Client("Tablet", "203.0.113.9")
STAFF = Principal(id=UUID(int=1), permissions=frozenset({"*:*"}))
Command = Callable[[UUID, Rooms], Awaitable[Any]]


async def suspend(user_id: UUID, rooms: Rooms) -> None:
    await suspend_user(user_id, "Left", None, expected_version=None, principal=STAFF, room=rooms.administration)


async def delete(user_id: UUID, rooms: Rooms) -> None:
    await delete_user(user_id, expected_version=None, principal=STAFF, room=rooms.administration)


async def demote(user_id: UUID, rooms: Rooms) -> None:
    await change_user_roles(user_id, ["user"], expected_version=None, principal=STAFF, room=rooms.administration)


async def outcomes(*calls: Awaitable[Any]) -> list[Any]:
    """What each of the parallel calls answered, or the domain error it raised."""
    found = await asyncio.gather(*calls, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, DomainError):
            raise each
    return list(found)


async def user_of(rooms: Rooms, address: Email) -> User:
    user = await rooms.administration.users.find_by_email(address)
    assert user is not None
    return user


async def living_sessions(rooms: Rooms, user: User) -> int:
    return len((await rooms.session.sessions.list(user.id, PageRequest(100), utc_now())).items)


@pytest.mark.parametrize(("one", "other"), [(suspend, demote), (delete, suspend), (demote, delete)])
async def test_of_two_superadmins_one_stays(rooms: Rooms, one: Command, other: Command) -> None:
    """However they take each other away at once: one command is done, the other refused."""
    first, second = [await add_user(rooms.administration, roles=("superadmin",)) for _ in range(2)]

    answers = await outcomes(one(first.id, rooms), other(second.id, rooms))

    assert Counter(map(type, answers)) == {type(None): 1, LastSuperadmin: 1}
    async with rooms.administration.unit_of_work.begin():
        assert await rooms.administration.users.hold_other_superadmin(UUID(int=0))


@pytest.mark.parametrize("command", [suspend, delete, demote])
async def test_who_takes_a_superadmin_away_waits_for_the_other(
    rooms: Rooms, engines: Engines, command: Command
) -> None:
    """And counts again, what the other has committed meanwhile included."""
    room = rooms.administration
    first, second = [await add_user(room, roles=("superadmin",)) for _ in range(2)]

    async def waits_for_the_lock() -> None:
        async with engines.database.reading_connection() as connection:
            found = await connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            assert await found.fetchone() is not None

    held, may_commit = asyncio.Event(), asyncio.Event()

    async def takes_the_first_away() -> None:
        async with room.unit_of_work.begin():
            assert await room.users.hold_other_superadmin(first.id)
            first.suspend()
            await room.users.save(first)
            held.set()
            await may_commit.wait()

    one = asyncio.create_task(takes_the_first_away())
    await held.wait()
    other = asyncio.create_task(outcomes(command(second.id, rooms)))
    await eventually(waits_for_the_lock, within=10)
    may_commit.set()
    await one

    assert [type(each) for each in await other] == [LastSuperadmin]
    assert (await room.users.get(second.id)).version == second.version


async def test_no_session_survives_a_suspension(rooms: Rooms) -> None:
    """Logins that run in parallel either come before it and end, or are refused."""
    address = await active_user(rooms)
    await active_user(rooms)
    user = await user_of(rooms, address)
    logins = [login(address, PASSWORD, client=CLIENT, room=rooms.session) for _ in range(8)]

    *answers, suspended = await outcomes(*logins, suspend(user.id, rooms))

    assert suspended is None
    assert await living_sessions(rooms, user) == 0
    for each in answers:
        if isinstance(each, SignedIn):
            assert each.user.authz_epoch < (await user_of(rooms, address)).authz_epoch
            with pytest.raises(AccountSuspended):
                await refresh(each.refresh_token, client=CLIENT, room=rooms.session)
        else:
            assert isinstance(each, AccountSuspended | InvalidCredentials), each


async def test_no_session_survives_a_deletion(rooms: Rooms) -> None:
    """Refreshing in parallel gives out nothing that lasts."""
    address = await active_user(rooms)
    await active_user(rooms)
    user = await user_of(rooms, address)
    tokens = [(await login(address, PASSWORD, client=CLIENT, room=rooms.session)).refresh_token for _ in range(6)]
    refreshes = [refresh(token, client=CLIENT, room=rooms.session) for token in tokens]

    *answers, deleted = await outcomes(*refreshes, delete(user.id, rooms))

    assert deleted is None
    assert await living_sessions(rooms, user) == 0
    for each in answers:
        if isinstance(each, SignedIn):
            assert each.user.authz_epoch == user.authz_epoch
            with pytest.raises(InvalidRefreshToken):
                await refresh(each.refresh_token, client=CLIENT, room=rooms.session)
        else:
            assert isinstance(each, InvalidRefreshToken), each


async def test_an_address_invited_in_parallel_is_one_user(rooms: Rooms) -> None:
    """However it is spelled, and whoever registers it meanwhile: all are answered, and he has one of the roles."""
    address, room = fresh_address(), rooms.administration
    roles = ["user", "manager"] * 4
    spellings = [address, address.upper()] * 4
    invitations = [
        invite_user(Email(each), [role], None, principal=STAFF, room=room)
        for each, role in zip(spellings, roles, strict=True)
    ]
    registrations = [
        register(Email(address), NewPassword(PASSWORD), display_name=None, locale=None, room=rooms.user)
        for _ in range(2)
    ]

    answers = await outcomes(*invitations, *registrations)

    user = await user_of(rooms, Email(address))
    assert {each.user.id for each in answers if isinstance(each, ManagedUser)} == {user.id}
    assert [type(each) for each in answers] == [ManagedUser] * 8 + [type(None)] * 2
    assert (user.status, user.is_invited, user.last_sequence) == (UserStatus.PENDING, True, 10)
    assert user.roles in {("user",), ("manager",)}


async def test_an_address_comes_back_to_one(rooms: Rooms) -> None:
    """Of a restored user and an invited one, whoever is first has it."""
    room = rooms.administration
    user = await add_user(room, UserStatus.DELETED)

    answers = await outcomes(
        restore_user(user.id, expected_version=None, principal=STAFF, room=room),
        invite_user(user.email, ["user"], None, principal=STAFF, room=room),
    )

    assert Counter(map(type, answers)) == {ManagedUser: 1, EmailTaken: 1}
    winner = next(each for each in answers if isinstance(each, ManagedUser))
    assert (await user_of(rooms, user.email)).id == winner.user.id


async def test_a_user_is_restored_once(rooms: Rooms) -> None:
    """Who comes second finds him living, or has lost a race that the edge runs again; there is one event."""
    room = rooms.administration
    user = await add_user(room, UserStatus.DELETED)

    answers = await outcomes(
        *(restore_user(user.id, expected_version=None, principal=STAFF, room=room) for _ in range(4))
    )

    assert all(isinstance(each, ManagedUser | StaleVersion | EmailTaken) for each in answers), answers
    assert any(isinstance(each, ManagedUser) for each in answers)
    assert (await user_of(rooms, user.email)).last_sequence == user.last_sequence + 1


async def test_two_workers_reinstate_each_user_once(rooms: Rooms) -> None:
    """What one holds the other leaves."""
    room = rooms.administration
    users = [await add_user(room) for _ in range(6)]
    async with room.unit_of_work.begin():
        for user in users:
            user.suspend(utc_now() - timedelta(seconds=1))
            await room.users.save(user)

    await asyncio.gather(*(reinstate_due_users(room=room) for _ in range(3)))

    found = [await room.users.get(user.id) for user in users]
    assert {
        (each.status, each.last_sequence - user.last_sequence) for each, user in zip(found, users, strict=True)
    } == {(UserStatus.ACTIVE, 1)}


class Broken(RuntimeError):
    """What comes after the effect has failed."""


class BrokenTrail:
    """Cannot take anything down."""

    async def record(self, action: Action, **_: Any) -> None:
        raise Broken(action)


@pytest.mark.parametrize("command", [suspend, delete, demote])
async def test_a_command_that_fails_has_done_nothing(rooms: Rooms, engines: Engines, command: Command) -> None:
    """User, sessions, contacts, outbox and revocations are as they were: it is one transaction."""
    address = await active_user(rooms)
    await active_user(rooms)
    user = await user_of(rooms, address)
    await login(address, PASSWORD, client=CLIENT, room=rooms.session)
    broken = replace(rooms, administration=replace(rooms.administration, trail=BrokenTrail()))
    before = await traces(engines)

    with pytest.raises(Broken):
        await command(user.id, broken)

    assert await traces(engines) == before
    assert (await user_of(rooms, address)).version == user.version
    assert await living_sessions(rooms, user) == 1


async def traces(engines: Engines) -> dict[str, int]:
    """How much a command would leave."""
    tables = {
        "outbox": "SELECT count(*) AS n FROM outbox",
        "revocation": "SELECT count(*) AS n FROM revocation",
        "contact": "SELECT count(*) AS n FROM contact WHERE deleted_at IS NULL",
        "profile": "SELECT count(*) AS n FROM profile WHERE deleted_at IS NULL",
    }
    counts: dict[str, int] = {}
    async with engines.database.reading_connection() as connection:
        for name, statement in tables.items():
            row = await (await connection.execute(statement)).fetchone()
            counts[name] = row["n"] if row else 0
    return counts


async def test_what_is_revoked_is_announced_after_the_commit(rooms: Rooms, engines: Engines) -> None:
    """Not before, though under an Idempotency-Key the use case ends before; and not at all after a rollback."""
    room = rooms.administration
    users = [await add_user(room) for _ in range(2)]

    async def mark() -> int:
        return int(await engines.redis.get(MARK) or 0)

    async with room.unit_of_work.begin():
        await suspend(users[0].id, rooms)
        inside = await mark()
    committed = await mark()
    with suppress(Broken):
        async with room.unit_of_work.begin():
            await suspend(users[1].id, rooms)
            raise Broken
    rolled_back = await mark()

    assert (inside, committed, rolled_back) == (0, 1, 1)
