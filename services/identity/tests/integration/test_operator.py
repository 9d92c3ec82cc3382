"""The operator's commands and their port: everybody at once, on the fake and on PostgreSQL; and what is printed."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from identity_commands import run_line
from identity_fakes_operator import InMemoryEverybody
from identity_fakes_sessions import InMemoryRevocations, InMemorySessions
from identity_fakes_users import InMemoryUsers
from identity_service import PASSWORD, active_user, fresh_address, settings_for
from msgspec import structs
from promenade_chassis.config import Settings
from promenade_chassis.database import Database
from promenade_chassis.ports import PageRequest, UnitOfWork, utc_now
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.furniture import Engines, Rooms
from promenade_identity.operator.postgres import PostgresEverybody
from promenade_identity.operator.repository import Everybody
from promenade_identity.operator.use_cases import revoke_all_sessions
from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.postgres import PostgresRevocations
from promenade_identity.revocation.repository import Revocations
from promenade_identity.session.entity import EndReason, InvalidCredentials, InvalidRefreshToken, RefreshMint, Session
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.session.repository import Sessions
from promenade_identity.session.use_cases import Client, SignedIn, login, refresh
from promenade_identity.user.entity import User
from promenade_identity.user.postgres import PostgresUsers
from promenade_identity.user.repository import Users
from promenade_kernel.values.email import Email

MINT = RefreshMint(b"a key for tests")
NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)


@dataclass
class Store:
    """All that the port is about."""

    unit_of_work: UnitOfWork
    users: Users
    sessions: Sessions
    revocations: Revocations
    everybody: Everybody

    async def user(self, sessions: int = 1) -> UUID:
        """A user with so many sessions."""
        user = User(email=Email(fresh_address()))
        async with self.unit_of_work.begin():
            await self.users.add(user)
            for _ in range(sessions):
                session = Session(user_id=user.id)
                await self.sessions.add(session, MINT.stored(MINT.first(), session))
        return user.id

    async def living(self, user_id: UUID) -> int:
        return len((await self.sessions.list(user_id, PageRequest(limit=50), utc_now())).items)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        memory = InMemoryUnitOfWork()
        users, sessions = InMemoryUsers(memory), InMemorySessions(memory)
        return Store(memory, users, sessions, InMemoryRevocations(memory), InMemoryEverybody(users, sessions))
    database: Database = request.getfixturevalue("database")
    return Store(
        database,
        PostgresUsers(database),
        PostgresSessions(database),
        PostgresRevocations(database),
        PostgresEverybody(database),
    )


async def test_who_is_signed_in_comes_lot_by_lot(store: Store) -> None:
    """Each once, by id, however many sessions; not who has none that has not ended."""
    ids = sorted([await store.user(sessions=sessions) for sessions in (1, 3, 2)])
    await store.user(sessions=0)
    ended = await store.user()
    async with store.unit_of_work.begin():
        await store.sessions.end_all(ended, EndReason.LOGOUT, utc_now())

    assert await store.everybody.signed_in(None, 2) == ids[:2]
    assert await store.everybody.signed_in(ids[1], 2) == ids[2:]
    assert await store.everybody.signed_in(ids[2], 2) == []


async def test_epochs_rise_together(store: Store) -> None:
    """Of the living ones named, by one; a change read before loses its race."""
    first, second, other = [await store.user() for _ in range(3)]
    stale, gone = await store.users.get(first), await store.users.get(await store.user())
    gone.expire(utc_now())
    async with store.unit_of_work.begin():
        await store.users.save(gone)

    async with store.unit_of_work.begin():
        raised = await store.everybody.raise_epochs([first, second, gone.id, uuid4()], utc_now())

    assert raised == {first: 1, second: 1}
    assert [(await store.users.get(user_id)).authz_epoch for user_id in (first, second, other)] == [1, 1, 0]
    assert (await store.users.get(first)).version == stale.version + 1


async def test_sessions_end_together(store: Store) -> None:
    """Of all who are named, and no one else's; an ended one is not counted again."""
    first, second, other = [await store.user(sessions=2) for _ in range(3)]

    async with store.unit_of_work.begin():
        ended = await store.everybody.end_sessions([first, second], EndReason.REVOKED, utc_now())
        again = await store.everybody.end_sessions([first, second], EndReason.REVOKED, utc_now())

    assert (ended, again) == (4, 0)
    assert [await store.living(user_id) for user_id in (first, second, other)] == [0, 0, 2]


async def test_many_revocations_take_the_next_numbers(store: Store) -> None:
    """In their order, without a gap, as if they had been added one by one."""
    now = utc_now()
    made = [Revocation.of_epochs_before(epoch, uuid4(), now) for epoch in range(1, 5)]
    async with store.unit_of_work.begin():
        await store.revocations.add(made[0])
        await store.revocations.add_all(made[1:3])
        await store.revocations.add_all([])
        await store.revocations.add(made[3])

    assert await store.revocations.newest() == 4
    assert [(await store.revocations.after(number, now)).revocations for number in range(4)] == [
        tuple(made[number:]) for number in range(4)
    ]


async def test_nobody_slips_through(rooms: Rooms) -> None:
    """Who signs in or refreshes in the very moment is signed out as well, or has signed in after it."""
    addresses = [await active_user(rooms) for _ in range(4)]
    before = [await login(address, PASSWORD, client=Client(), room=rooms.session) for address in addresses]

    async def everybody() -> None:
        async for _ in revoke_all_sessions(room=replace(rooms.operator, at_once=3)):
            pass

    racing = await asyncio.gather(
        everybody(),
        *(refresh(each.refresh_token, client=Client(), room=rooms.session) for each in before),
        return_exceptions=True,
    )

    assert racing[0] is None
    held = [each for each in racing[1:] if isinstance(each, SignedIn)]
    for each in [*before, *held]:
        with pytest.raises(InvalidRefreshToken):
            await refresh(each.refresh_token, client=Client(), room=rooms.session)
    assert {each.user.authz_epoch for each in held} <= {0}
    assert {(await rooms.user.users.get(each.user.id)).authz_epoch for each in before} == {1}


async def test_keys_are_shown_and_rotated(settings: Settings, rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table and for programs; a second rotation says so in one sentence and ends with 1."""
    rotated = await run_line(settings, "keys", "rotate")
    again = await run_line(settings, "keys", "rotate")
    told = capsys.readouterr()
    shown = (await run_line(settings, "keys", "list"), await run_line(settings, "keys", "list", "--json"))
    *table, listed = capsys.readouterr().out.splitlines()

    assert (rotated, again, shown) == (0, 1, (0, 0))
    assert told.err.startswith("identity: a rotation is under way: ")
    keys = json.loads(listed)
    assert [key["state"] for key in keys] == ["signing", "pending"]
    assert [line.split()[:2] for line in table] == [
        ["kid", "state"],
        *([key["kid"], key["state"]] for key in keys),
    ]
    assert keys[0]["retires_at"] > keys[1]["signs_from"] > keys[1]["created_at"]
    assert "private" not in listed


async def test_everybody_is_asked_for(
    settings: Settings,
    rooms: Rooms,
    engines: Engines,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without --yes nobody is signed out unless somebody says y; with --user only he is, and nobody is asked."""
    address, other = await active_user(rooms), await active_user(rooms)
    mine = await login(address, PASSWORD, client=Client(), room=rooms.session)
    others = await login(other, PASSWORD, client=Client(), room=rooms.session)

    alone = await run_line(settings, "sessions", "revoke-all")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    denied = await run_line(settings, "sessions", "revoke-all")
    one = await run_line(settings, "sessions", "revoke-all", "--user", str(address))
    refreshed = await refresh(others.refresh_token, client=Client(), room=rooms.session)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    everybody = await run_line(settings, "sessions", "revoke-all")

    assert (alone, denied, one, everybody) == (1, 1, 0, 0)
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("signed out")]
    assert said == ["signed out: 1 users, 1 sessions", "signed out: 1 users, 1 sessions"]
    for ended in (mine, refreshed):
        with pytest.raises(InvalidRefreshToken):
            await refresh(ended.refresh_token, client=Client(), room=rooms.session)
    assert await engines.redis.get(f"{{auth}}:epoch:{refreshed.user.id}") == b"1"


async def test_a_locked_user_is_let_in(settings: Settings, rooms: Rooms, capsys: pytest.CaptureFixture[str]) -> None:
    """By his address, named either way; nobody's and no address are said to be so, with the status that fits."""
    address = await active_user(rooms)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await login(address, "not the password", client=Client(), room=rooms.session)

    done = [
        await run_line(settings, "unlock", str(address)),
        await run_line(settings, "unlock", "--email", str(address)),
        await run_line(settings, "unlock", fresh_address()),
        await run_line(settings, "unlock", "nobody"),
    ]

    assert done == [0, 0, 1, 2]
    await login(address, PASSWORD, client=Client(), room=rooms.session)
    told = capsys.readouterr()
    assert f"{address} can sign in again" in told.out
    assert f"{address} was not locked" in told.out
    assert [line.partition(": ")[0] for line in told.err.splitlines() if line.startswith("identity")] == [
        "identity"
    ] * 2


async def test_a_database_that_is_away_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, with status 1."""
    settings = settings_for("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1", mail={"directory": "x"})
    impatient = structs.replace(settings.database, acquire_timeout_seconds=1)

    assert await run_line(structs.replace(settings, database=impatient), "keys", "list") == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("identity: ")
