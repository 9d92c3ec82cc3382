"""All commands on a few users at once, on a real database: no deadlock, no 5xx, and what must hold afterwards holds."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from identity_service import BASE, PASSWORD, active_user, fresh_address
from promenade_chassis.config import Settings
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_identity.administration.use_cases import reinstate_due_users
from promenade_identity.bootstrap import build_app
from promenade_identity.code.entity import CodeMint, IssuedCode, Purpose
from promenade_identity.contact.use_cases import issue_contact_code
from promenade_identity.furniture import Engines, Rooms
from promenade_identity.operator.use_cases import revoke_all_sessions
from promenade_identity.recovery.use_cases import send_invitation_code, send_reset_code
from promenade_identity.role.entity import Role
from promenade_identity.session.use_cases import drop_expired
from promenade_identity.user.use_cases import expire_pending_users, send_activation_code
from promenade_kernel.values.email import Email

SECONDS, WORKERS, USERS = 10.0, 10, 5
CODE = "123456"
# Of these every success leaves one entry, whatever there was to be done.
TOLD = {
    "auth.login": "POST /auth/login",
    "auth.refresh": "POST /auth/refresh",
    "auth.logout-all": "POST /auth/logout-all",
    "auth.verify-email": "POST /auth/verify-email",
    "auth.register": "POST /auth/register",
    "password.forgot": "POST /auth/password/forgot",
    "password.reset": "POST /auth/password/reset",
    "password.change": "POST /auth/password/change",
    "user.invite": "POST /users",
    "user.suspend": "POST /users/suspend",
    "user.reinstate": "POST /users/reinstate",
    "user.unlock": "POST /users/unlock",
    "user.delete": "DELETE /users",
    "role.change": "PATCH /roles",
    "session.end": "DELETE /auth/sessions",
}
# What these answer must not tell that somebody else is busy with a user, for then there is one.
PUBLIC = {
    f"POST /auth/{path}"
    for path in ("register", "verify-email", "login", "refresh", "password/forgot", "password/reset")
}
DEADLOCKS = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()"
ENTRIES = (
    "SELECT action, count(*) AS n FROM audit_entry WHERE outcome = 'success' AND status IS NOT NULL GROUP BY action"
)
NOT_ONE_PRIMARY = """
SELECT count(*) AS n FROM "user" WHERE status = 'active' AND 1 <> (
    SELECT count(*) FROM contact
    WHERE user_id = "user".id AND type = 'email' AND is_primary AND contact.deleted_at IS NULL)
"""
SESSIONS_THAT_SHOULD_HAVE_ENDED = """
SELECT count(*) AS n FROM session JOIN "user" ON "user".id = user_id
WHERE ended_at IS NULL AND status IN ('suspended', 'deleted')
"""
NO_SUPERADMIN = """
SELECT (1 - sign(count(*)))::int AS n FROM "user" WHERE status = 'active' AND 'superadmin' = ANY (roles)
"""
EPOCHS = """
SELECT id, authz_epoch, (
    SELECT coalesce(max(value), 0) FROM revocation WHERE kind = 'epoch' AND subject = "user".id::text) AS lowest
FROM "user"
"""


class OneCode(CodeMint):
    """Every code is the same one, so that it need not be read out of a mail."""

    def issue(self, purpose: Purpose, subject: UUID, now: datetime, *, proves: str = "") -> tuple[str, IssuedCode]:
        _, issued = super().issue(purpose, subject, now, proves=proves)
        return CODE, replace(issued, digest=self.digest(purpose, subject, CODE, proves=proves))


@dataclass
class Crowd:
    """The users, what is known of them, and what everybody has been answered."""

    client: httpx.AsyncClient
    rooms: Rooms
    addresses: list[str]
    ids: dict[str, str]
    role: str
    staff: str = ""
    access: dict[str, str] = field(default_factory=dict[str, str])
    refresh: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    answered: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    tokens: list[str] = field(default_factory=list[str])

    async def send(
        self, method: str, path: str, token: str | None = None, body: Any = None, **headers: str
    ) -> httpx.Response:
        """Send a request and count its answer."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if method == "POST" and token and random.random() < 0.5:
            headers["Idempotency-Key"] = str(uuid4())
        content = {} if body is None else {"json": body}
        answer = await self.client.request(method, BASE + path, headers=headers, **content)
        parts = [part for part in path.split("?")[0].split("/") if not _is_name(part, self)]
        self.answered[f"{method} {'/'.join(parts)}", answer.status_code] += 1
        return answer

    async def login(self, address: str, password: str = PASSWORD) -> None:
        answer = await self.send("POST", "/auth/login", body={"email": address, "password": password})
        self._keep(address, answer)

    async def wrong_password(self, address: str) -> None:
        await self.login(address, "not the password at all")

    async def refresh_it(self, address: str) -> None:
        known = self.refresh.get(address)
        if known:
            token = random.choice(known[-2:])
            self._keep(address, await self.send("POST", "/auth/refresh", body={"refresh_token": token}))

    async def own(self, address: str) -> None:
        """Something of one's own, with whatever token there is."""
        token = self.access.get(address)
        if token is None:
            return
        change = {"current_password": PASSWORD, "new_password": PASSWORD}
        acts = [
            lambda: self.send("POST", "/auth/logout-all", token),
            lambda: self.send("POST", "/auth/password/change", token, change),
            lambda: self.send("GET", "/me", token),
            lambda: self._contacts(token),
            lambda: self.send("PATCH", "/profiles/me", token, {"given_name": uuid4().hex}),
            lambda: self._end_a_session(token),
        ]
        await random.choice(acts)()

    async def register(self, address: str) -> None:
        await self.send("POST", "/auth/register", body={"email": address, "password": PASSWORD})
        user = await self.rooms.user.users.find_by_email(Email(address))
        if user is not None:
            self.ids[address] = str(user.id)
            await send_activation_code(user.id, None, room=self.rooms.user)
        await self.send("POST", "/auth/verify-email", body={"email": address, "code": CODE})

    async def reset(self, address: str) -> None:
        await self.send("POST", "/auth/password/forgot", body={"email": address})
        for send in (send_reset_code, send_invitation_code):
            await send(UUID(self.ids[address]), room=self.rooms.recovery)
        body = {"email": address, "code": CODE, "new_password": PASSWORD}
        await self.send("POST", "/auth/password/reset", body=body)

    async def staffed(self, address: str) -> None:
        """What staff do with a user; what brings him back comes often, so that there is something to be done."""
        commands: list[tuple[str, str, Any]] = [
            ("POST", "/suspend", {"reason": "x"}),
            ("POST", "/reinstate", None),
            ("POST", "/reinstate", None),
            ("POST", "/unlock", None),
            ("DELETE", "", None),
            ("POST", "/restore", None),
            ("POST", "/restore", None),
            ("PUT", "/roles", {"roles": ["user", self.role]}),
            ("PUT", "/roles", {"roles": ["superadmin"]}),
        ]
        method, path, body = random.choice(commands)
        await self.send(method, f"/users/{self.ids[address]}{path}", self.staff, body)

    async def invite(self, address: str) -> None:
        answer = await self.send("POST", "/users", self.staff, {"email": address, "roles": ["user", self.role]})
        if answer.is_success:
            self.ids[address] = answer.json()["id"]

    async def change_the_role(self, _: str) -> None:
        wanted = random.sample(["orders:read", "deals:read", "users:read"], 2)
        await self.send("PATCH", f"/roles/{self.role}", self.staff, {"permissions": wanted})

    async def housework(self, _: str) -> None:
        """What the worker and the operator do meanwhile."""
        await reinstate_due_users(room=self.rooms.administration)
        await drop_expired(room=self.rooms.session)
        await expire_pending_users(room=self.rooms.user)
        if random.random() < 0.1:
            _ = [done async for done in revoke_all_sessions(room=self.rooms.operator)]

    async def _contacts(self, token: str) -> None:
        """Add one, prove it, make it the primary one, delete one that is not: who deletes the last has none."""
        added = await self.send("POST", "/contacts", token, {"type": "email", "email": fresh_address()})
        if not added.is_success:
            return
        contact = added.json()
        await issue_contact_code(UUID(contact["id"]), contact["email"], room=self.rooms.contact)
        await self.send("POST", f"/contacts/{contact['id']}/verify", token, {"code": CODE})
        await self.send("POST", f"/contacts/{contact['id']}/make-primary", token)
        found = (await self.send("GET", "/contacts", token)).json().get("items", [])
        others = [each for each in found if not each["is_primary"]]
        if others:
            other = random.choice(others)
            etag = {"If-Match": f'"{other["version"]}"'}
            await self.send("DELETE", f"/contacts/{other['id']}", token, **etag)

    async def _end_a_session(self, token: str) -> None:
        found = (await self.send("GET", "/auth/sessions", token)).json().get("items", [])
        if found:
            await self.send("DELETE", f"/auth/sessions/{random.choice(found)['id']}", token)

    def _keep(self, address: str, answer: httpx.Response) -> None:
        if answer.is_success:
            self.access[address] = answer.json()["access_token"]
            self.refresh.setdefault(address, []).append(answer.json()["refresh_token"])
            self.tokens.append(answer.json()["access_token"])


def _is_name(part: str, crowd: Crowd) -> bool:
    return len(part) == 36 or part == crowd.role


async def of_everything(crowd: Crowd, until: float) -> None:
    """One worker: something with somebody, again and again."""
    acts: list[Callable[[str], Coroutine[Any, Any, None]]] = [
        *[crowd.login] * 3,
        *[crowd.refresh_it] * 3,
        *[crowd.own] * 3,
        *[crowd.staffed] * 4,
        crowd.wrong_password,
        crowd.register,
        crowd.reset,
        crowd.invite,
        crowd.change_the_role,
        crowd.housework,
    ]
    while monotonic() < until:
        await random.choice(acts)(random.choice(crowd.addresses))


@pytest.fixture
async def crowd(rooms: Rooms, engines: Engines, settings: Settings) -> AsyncGenerator[Crowd, None]:
    """Superadmins, and one of the staff who may do everything without being one."""
    mint, role = OneCode(b"a key for tests"), Role(name="changing", added=frozenset({"orders:read"}))
    rooms = replace(
        rooms,
        user=replace(rooms.user, mint=mint),
        recovery=replace(rooms.recovery, mint=mint),
        contact=replace(rooms.contact, mint=mint),
    )
    boss = Role(name="boss", added=frozenset({"*:*"}))
    addresses = [str(await active_user(rooms)) for _ in range(USERS + 1)]
    users = [await rooms.user.users.find_by_email(Email(address)) for address in addresses]
    async with engines.database.begin():
        for each in (role, boss):
            await rooms.role.roles.add(each)
        assert users[-1] is not None
        users[-1].roles = ("boss",)
        await rooms.user.users.save(users[-1])
    ids = {str(user.email): str(user.id) for user in users if user is not None}
    store = PostgresIdempotencyStore(engines.database)
    app = build_app(settings, rooms, Readiness("identity", "1", {}), engines.database, store)
    async with client_of(app) as client:
        crowd = Crowd(client, rooms, addresses[:-1], ids, role.name)
        await crowd.login(addresses[-1])
        crowd.staff = crowd.access[addresses[-1]]
        yield crowd


@pytest.mark.long
async def test_nothing_comes_of_doing_everything_at_once(crowd: Crowd, engines: Engines) -> None:
    """Whoever meets whomever: refusals yes, faults no; and every success is in the trail, every epoch is revoked."""
    until = monotonic() + SECONDS

    await asyncio.gather(*(of_everything(crowd, until) for _ in range(WORKERS)))

    async def ask(statement: str) -> list[dict[str, Any]]:
        async with engines.database.reading_connection() as connection:
            return await (await connection.execute(statement)).fetchall()

    assert {answer: n for answer, n in crowd.answered.items() if answer[1] >= 500} == {}
    assert {answer: n for answer, n in crowd.answered.items() if answer[0] in PUBLIC and answer[1] == 409} == {}
    for rule in (DEADLOCKS, NOT_ONE_PRIMARY, SESSIONS_THAT_SHOULD_HAVE_ENDED, NO_SUPERADMIN):
        assert (await ask(rule))[0]["n"] == 0, rule
    entries = {row["action"]: row["n"] for row in await ask(ENTRIES)}
    successes: Counter[str] = Counter()
    for (request, status), n in crowd.answered.items():
        successes[request] += n if status < 300 else 0
    assert {action: entries.get(action, 0) for action in TOLD} == {
        action: successes[request] for action, request in TOLD.items()
    }
    epochs = {str(row["id"]): (row["lowest"], row["authz_epoch"]) for row in await ask(EPOCHS)}
    for token in crowd.tokens:
        claims = jwt.decode(token, options={"verify_signature": False})
        lowest, current = epochs[claims["sub"]]
        assert not lowest <= claims["epoch"] < current, "a token counts that an epoch has overtaken"
    assert successes["POST /auth/login"] > 0
