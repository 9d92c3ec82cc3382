"""The audit trail of the real service: in the transaction of the effect, complete, and silent about secrets."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from identity_service import (
    BASE,
    PASSWORD,
    Suite,
    active_user,
    code_in,
    fresh_address,
    furnished,
    running_suite,
    settings_for,
)
from litestar import Litestar
from litestar.types import Message, Receive, Scope, Send
from promenade_chassis.config import HttpSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.http.app import with_edge
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.ports import PageRequest, utc_now
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.polling import stretched
from promenade_identity.audit.entity import SUCCESS, Action, Entry
from promenade_identity.audit.repository import EntryFilter
from promenade_identity.bootstrap import build_app
from promenade_identity.furniture import Engines, Rooms
from promenade_kernel.values.email import Email

LOGIN = f"{BASE}/auth/login"
NEW_PASSWORD, NEWEST_PASSWORD = "an owl sings in the rain at noon", "an otter writes the weather report"
WRONG = "not the password at all"


def app_of(settings: Settings, rooms: Rooms, database: Database) -> Litestar:
    return build_app(settings, rooms, Readiness("identity", "1", {}), database, PostgresIdempotencyStore(database))


@pytest.fixture
async def client(settings: Settings, rooms: Rooms, engines: Engines) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of the application; no worker runs."""
    async with client_of(app_of(settings, rooms, engines.database)) as client:
        yield client


async def entries_of(rooms: Rooms, **wanted: Any) -> list[Entry]:
    page = await rooms.audit.entries.list(EntryFilter(**wanted), PageRequest(limit=100, sort="id"))
    return list(page.items)


async def test_fifty_parallel_wrong_passwords_leave_fifty_entries(rooms: Rooms, client: httpx.AsyncClient) -> None:
    """None is lost, and each names the user."""
    address = str(await active_user(rooms))

    answers = await asyncio.gather(*(client.post(LOGIN, json={"email": address, "password": WRONG}) for _ in range(50)))

    user = await rooms.user.users.find_by_email(Email(address))
    assert user is not None
    refused = await entries_of(rooms, action=Action.LOGIN)
    assert Counter(answer.status_code for answer in answers) == {401: 50}
    assert Counter((entry.outcome, entry.subject) for entry in refused) == {("invalid-credentials", str(user.id)): 50}
    assert len({entry.origin.request_id for entry in refused}) == 50


async def test_the_trail_outlives_actor_and_subject(rooms: Rooms, client: httpx.AsyncClient) -> None:
    """Soft-deleted or gone from the tables altogether: the entries stay, and are found by both."""
    address = await active_user(rooms)
    await client.post(LOGIN, json={"email": str(address), "password": PASSWORD})
    await client.post(LOGIN, json={"email": str(address), "password": WRONG})
    user = await rooms.user.users.find_by_email(address)
    assert user is not None
    before = await entries_of(rooms, subject=str(user.id))

    async with rooms.user.unit_of_work.begin():
        user.delete(utc_now())
        await rooms.user.users.save(user)
    database = cast("Database", rooms.user.unit_of_work)
    async with database.reading_connection() as connection:
        for table in ("refresh_token", "session", '"user"'):
            await connection.execute(cast("Any", f"DELETE FROM {table}"))

    assert await entries_of(rooms, subject=str(user.id)) == before
    assert [entry.outcome for entry in before] == [SUCCESS, SUCCESS, "invalid-credentials"]
    assert await entries_of(rooms, actor=user.id) == [entry for entry in before if entry.actor == user.id] != []


async def test_a_lost_database_is_answered_as_ever(rooms: Rooms, engines: Engines, client: httpx.AsyncClient) -> None:
    """503 as without a trail, and not much later."""
    address = str(await active_user(rooms))
    await engines.database.close()

    answer = await client.post(LOGIN, json={"email": address, "password": PASSWORD})

    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "service-unavailable"


def test_a_death_before_the_answer_leaves_one_success(settings: Settings, database_url: str) -> None:
    """kill -9 between effect and answer: effect and entry are both there, once."""
    process = multiprocessing.get_context("fork").Process(target=_die_signing_in, args=(settings,), daemon=True)
    process.start()
    process.join(stretched(120))

    assert process.exitcode == -signal.SIGKILL

    async def look() -> tuple[list[tuple[str, str]], Any]:
        async with furnished(settings) as (rooms, engines), engines.database.reading_connection() as connection:
            sessions = await (await connection.execute("SELECT count(*) AS n FROM session")).fetchone()
            return [(entry.action, entry.outcome) for entry in await entries_of(rooms)], sessions

    assert asyncio.run(look()) == ([("user.create-superadmin", SUCCESS), ("auth.login", SUCCESS)], {"n": 1})


def _die_signing_in(settings: Settings) -> None:
    """What the process does that does not survive it."""

    async def sign_in() -> None:
        async with furnished(settings) as (rooms, engines):
            address = str(await active_user(rooms))
            served: Any = with_edge(app_of(settings, rooms, engines.database), HttpSettings())

            async def dying(scope: Scope, receive: Receive, _: Send) -> None:
                await served(scope, receive, _kill_oneself)

            transport = httpx.ASGITransport(app=cast("Any", dying))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                await client.post(LOGIN, json={"email": address, "password": PASSWORD})

    asyncio.run(sign_in())


async def _kill_oneself(_: Message) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_no_row_tells_what_it_must_not(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """After a run through everything: no address, password, code or token in any column of any row."""
    settings = settings_for(database_url, redis_url, mail={"directory": str(tmp_path)})
    async with running_suite(settings, tmp_path) as suite:
        secrets, codes = await run_through_everything(suite)
        async with suite.service.database.reading_connection() as connection:
            found = await (await connection.execute("SELECT to_jsonb(entry) AS row FROM audit_entry entry")).fetchall()

    rows = [json.dumps(each["row"]) for each in found]
    actions = {(each["row"]["action"], each["row"]["outcome"]) for each in found}
    assert actions >= {(action, SUCCESS) for action in DONE}
    assert actions >= {("auth.login", "invalid-credentials"), ("auth.refresh", "refresh-token-reused")}
    assert [secret for secret in secrets if any(secret in row for row in rows)] == []
    assert not any("@" in row for row in rows)
    # Six digits by themselves; the microseconds of a time look the same.
    timeless = [re.sub(r'"at": "[^"]*"', "", row) for row in rows]
    assert [code for code in codes if any(re.search(rf"(?<![\w-]){code}(?![\w-])", row) for row in timeless)] == []


DONE = [
    *("auth.register", "auth.resend-verification", "auth.verify-email", "auth.login", "auth.refresh", "auth.logout"),
    *("auth.logout-all", "session.end", "password.forgot", "password.reset", "password.change"),
]


async def run_through_everything(suite: Suite) -> tuple[list[str], list[str]]:
    """Each action, done and refused; answers the secrets that were told on the way, and the codes."""
    address = fresh_address()
    await suite.register(address, display_name="Ada Lovelace")
    await suite.post("/auth/resend-verification", {"email": address})
    code = code_in(await suite.mail_to(address, "code", count=2))
    await suite.post("/auth/verify-email", {"email": address, "code": code})
    await suite.post("/auth/verify-email", {"email": address, "code": code})
    await suite.register(address)
    tokens = [await suite.login(address) for _ in range(3)]
    await suite.post("/auth/login", {"email": address, "password": WRONG})
    await suite.post("/auth/login", {"email": fresh_address(), "password": WRONG})
    await suite.post("/auth/refresh", {"refresh_token": "no token at all"})
    for _ in range(2):
        tokens.append((await suite.post("/auth/refresh", {"refresh_token": tokens[-1]["refresh_token"]})).json())
    await suite.post("/auth/refresh", {"refresh_token": tokens[2]["refresh_token"]})
    access = tokens[1]["access_token"]
    sessions = (await suite.get("/auth/sessions", access)).json()["items"]
    other = next(each["id"] for each in sessions if not each["current"])
    await suite.client.delete(f"{BASE}/auth/sessions/{other}", headers={"Authorization": f"Bearer {access}"})
    for current in (WRONG, PASSWORD):
        await suite.post("/auth/password/change", {"current_password": current, "new_password": NEW_PASSWORD}, access)
    await suite.post("/auth/password/forgot", {"email": address})
    reset = code_in(await suite.mail_to(address, "new password"))
    for given in ("000000", reset):
        body = {"email": address, "code": given, "new_password": NEWEST_PASSWORD}
        await suite.post("/auth/password/reset", body)
    for path in ("/auth/logout", "/auth/logout-all"):
        tokens.append(await suite.login(address, NEWEST_PASSWORD))
        await suite.post(path, token=tokens[-1]["access_token"])
    told = [each[name] for each in tokens for name in ("access_token", "refresh_token")]
    return [address, "Lovelace", PASSWORD, WRONG, NEW_PASSWORD, NEWEST_PASSWORD, *told], [code, reset]
