"""The whole service on real engines, in this process, and the steps its tests share."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from promenade_chassis.config import AuthSettings, DatabaseSettings, HttpSettings, RedisSettings, Settings
from promenade_chassis.service import Service, run
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.polling import eventually
from promenade_identity.bootstrap import build
from promenade_identity.furniture import Engines, Rooms, furnish
from promenade_identity.key.use_cases import ensure_signing_key
from promenade_identity.password.entity import NewPassword
from promenade_identity.user.use_cases import create_superadmin
from promenade_kernel.values.email import Email

BASE = "/api/v1/identity"
PASSWORD = "a walrus reads the evening news"
SECRET = "a secret for tests, long enough to count as one"


def settings_for(database_url: str, redis_url: str, **extra: Any) -> Settings:
    """Settings with cheap password hashes and no waiting before answers."""
    return Settings(
        profile="test",
        auth=AuthSettings(issuer="https://promenade.example.com", jwks_url=""),
        http=HttpSettings(port=0, shutdown_seconds=5),
        database=DatabaseSettings(url=database_url, max_size=12, check_connections=False),
        redis=RedisSettings(url=redis_url),
        extra={
            "keys": {"secret": SECRET},
            "passwords": {"memory_kib": 64, "iterations": 1, "answer_after_ms": 0},
            **extra,
        },
    )


@asynccontextmanager
async def furnished(settings: Settings, *, with_key: bool = True) -> AsyncGenerator[tuple[Rooms, Engines], None]:
    """The rooms with their real adapters, and a key to sign with."""
    rooms, engines = furnish(settings)
    await engines.database.open()
    try:
        if with_key:
            await ensure_signing_key(room=rooms.key)
        yield rooms, engines
    finally:
        await engines.hashes.close()
        await engines.redis.aclose()
        await engines.database.close()


async def active_user(rooms: Rooms, password: str = PASSWORD) -> Email:
    """The address of a new user who can sign in."""
    address = Email(fresh_address())
    await create_superadmin(address, NewPassword(password), room=rooms.user)
    return address


@asynccontextmanager
async def working(service: Service) -> AsyncGenerator[None, None]:
    """Relay, reactions and jobs run while the block does."""
    stopping = asyncio.Event()
    task = asyncio.create_task(run([service], serve=False, stopping=stopping))
    try:
        await eventually(lambda: _is_up_or_down(service, task), within=10)
        if not task.done():
            yield
    finally:
        stopping.set()
        await task


async def _is_up_or_down(service: Service, task: asyncio.Task[None]) -> None:
    assert task.done() or (await service.readiness.report())["ready"]


@dataclass
class Suite:
    """A running service with a client, and where its mails land."""

    service: Service
    client: httpx.AsyncClient
    mails: Path

    async def post(self, path: str, body: dict[str, Any] | None = None, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.client.post(BASE + path, json=body, headers=headers)

    async def get(self, path: str, token: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.client.get(BASE + path, headers=headers)

    async def mail_to(self, address: str, subject: str, count: int = 1) -> str:
        """The text of the newest mail with the subject, once `count` of them have come."""

        def found() -> str:
            texts = [text for title, text in mails_to(self.mails, address) if subject in title]
            assert len(texts) >= count
            return texts[-1]

        return await eventually(found)

    async def register(self, address: str, password: str = PASSWORD, **more: Any) -> None:
        answer = await self.post("/auth/register", {"email": address, "password": password, **more})
        assert answer.status_code == 202, answer.text

    async def activate(self, address: str, password: str = PASSWORD) -> dict[str, Any]:
        """Register and verify a user."""
        await self.register(address, password)
        code = code_in(await self.mail_to(address, "code"))
        answer = await self.post("/auth/verify-email", {"email": address, "code": code})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def login(self, address: str, password: str = PASSWORD) -> dict[str, Any]:
        answer = await self.post("/auth/login", {"email": address, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def running_suite(settings: Settings, mails: Path) -> AsyncGenerator[Suite, None]:
    """The service with its worker, and a client of its application."""
    service = build(settings)
    async with working(service), client_of(service.app) as client:
        yield Suite(service, client, mails)


def fresh_address() -> str:
    """An address nobody else has."""
    return f"{uuid4().hex}@example.com"


def code_in(text: str) -> str:
    """The one six-digit number of a mail."""
    (code,) = re.findall(r"(?<!\d)\d{6}(?!\d)", text)
    return code


def mails_to(folder: Path, address: str) -> list[tuple[str, str]]:
    """Subject and text of the mails to an address, oldest first."""
    found: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if str(message["To"]) == address:
            part = message.get_body(preferencelist=("plain",))
            assert part is not None
            found.append((str(message["Subject"]), part.get_content()))
    return found
