"""The signing key is exchanged while everybody works: two processes that sign, one that verifies, and no failure."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field

import httpx
import jwt
import msgspec
import pytest
from e2e_replicas import Books, Crew, crew_beside
from e2e_stack import Stack, running_stack
from promenade_chassis.testing.polling import eventually, stretched

# Short times, of the same settings that operators have.
SETTINGS = {
    "PROMENADE_KEYS__CACHE_SECONDS": "0.5",
    "PROMENADE_KEYS__PUBLISH_AHEAD_SECONDS": "10",
    "PROMENADE_AUTH__JWKS_REFRESH_SECONDS": "1",
    "PROMENADE_AUTH__JWKS_RETRY_SECONDS": "0.5",
    "PROMENADE_TOKENS__ACCESS_SECONDS": str(round(stretched(15))),
}
# Refreshed long before a token's end: what is slow here must not look like a key that is not known.
REFRESHED_AFTER = 4.0
CLIENTS = 4
BASE = "/api/v1/identity"
OWN = (f"{BASE}/me", "/api/v1/order-management/orders", f"{BASE}/auth/sessions")


@pytest.fixture
def stack() -> Generator[Stack, None, None]:
    """A stack whose keys take turns within seconds."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        with running_stack() as running:
            yield running


@pytest.fixture
def crew(stack: Stack) -> Generator[Crew, None, None]:
    """A second Identity that serves, a second one that works, and a gateway that knows both that serve."""
    with crew_beside(stack) as crew:
        identity, gateway = stack.port + 15, stack.port + 16
        ports = {row["name"]: row["port"] for row in stack.processes().values()}
        upstreams = {
            name: [f"http://127.0.0.1:{ports[name]}"] for name in ports if name.count("-") or name == "billing"
        }
        upstreams["identity"] = [f"http://127.0.0.1:{port}" for port in (ports["identity"], identity)]
        crew.launch("identity", "serve", "second", PROMENADE_HTTP__PORT=str(identity))
        crew.launch("identity", "work", "third")
        crew.launch(
            "gateway",
            "serve",
            "second",
            PROMENADE_HTTP__PORT=str(gateway),
            PROMENADE_GATEWAY__UPSTREAMS=msgspec.json.encode(upstreams).decode(),
        )
        yield crew


@dataclass
class Users:
    """People who sign in, refresh and ask, one request after the other, and what they were answered."""

    url: str
    credentials: dict[str, str]
    answers: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    issued: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    used: dict[str, float] = field(default_factory=dict[str, float])
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> None:
        """Until they are told to stop."""
        async with httpx.AsyncClient(base_url=self.url, timeout=stretched(20)) as client:
            while not self.stopping.is_set():
                tokens = await self._tokens(client, "login", self.credentials)
                for _ in range(3):
                    await self._use(client, tokens["access_token"])
                    tokens = await self._tokens(client, "refresh", {"refresh_token": tokens["refresh_token"]})

    async def _tokens(self, client: httpx.AsyncClient, step: str, body: dict[str, str]) -> dict[str, str]:
        answer = await client.post(f"{BASE}/auth/{step}", json=body)
        self.answers[step, answer.status_code] += 1
        assert answer.status_code == 200, answer.text
        self.issued.append((time.monotonic(), kid_of(answer.json()["access_token"])))
        return answer.json()

    async def _use(self, client: httpx.AsyncClient, token: str) -> None:
        until = time.monotonic() + REFRESHED_AFTER
        for path in itertools.cycle(OWN):
            if time.monotonic() >= until or self.stopping.is_set():
                return
            answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
            self.answers[path, answer.status_code] += 1
            assert answer.status_code == 200, answer.text
            self.used[kid_of(token)] = time.monotonic()


@pytest.mark.long
async def test_the_signing_key_changes_and_no_request_fails(stack: Stack, crew: Crew) -> None:
    """The new key is published, signs, and the old one goes with its last token; all the while everybody works."""
    gateway = f"http://127.0.0.1:{stack.port + 16}"
    servers = [f"http://127.0.0.1:{port}" for port in (stack.processes()["identity"]["port"], stack.port + 15)]
    for url in (gateway, *servers):
        await eventually(lambda url=url: _ready(url), within=90)
    admin = msgspec.json.decode((stack.home / "credentials.json").read_bytes(), type=dict[str, str])
    users = Users(gateway, {"email": admin["email"], "password": admin["password"]})
    (old,) = await _published(servers[0])
    working = [asyncio.create_task(users.work()) for _ in range(CLIENTS)]

    rotated = await asyncio.to_thread(stack.promenade, "identity", "keys", "rotate")
    assert rotated.returncode == 0, rotated.stderr
    new = rotated.stdout.split()[0]
    await eventually(lambda: _all_publish(servers, {old, new}), within=10)
    await eventually(lambda: _signs(users, new), within=30)
    await eventually(lambda: _all_publish(servers, {new}), within=60)
    await eventually(lambda: _is_deleted(stack, old), within=30)
    users.stopping.set()
    await asyncio.gather(*working)

    assert {status for _, status in users.answers} == {200}, users.answers
    assert {kid for _, kid in users.issued} == {old, new}
    first_of_new = min(moment for moment, kid in users.issued if kid == new)
    assert users.used[old] > first_of_new, "tokens of the old key were used after the new one had begun to sign"
    assert "/auth/refresh" in crew.log("identity", "second")
    print(f"{users.answers.total()} requests, {len(users.issued)} tokens: {dict(users.answers)}")


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def _published(url: str) -> set[str]:
    async with httpx.AsyncClient(timeout=stretched(10)) as client:
        answer = await client.get(f"{url}/.well-known/jwks.json")
        return {key["kid"] for key in answer.json()["keys"]}


async def _all_publish(urls: list[str], kids: set[str]) -> None:
    for url in urls:
        assert await _published(url) == kids, url


async def _ready(url: str) -> None:
    async with httpx.AsyncClient(timeout=stretched(10)) as client:
        assert (await client.get(f"{url}/health/ready")).status_code == 200


def _signs(users: Users, kid: str) -> None:
    assert users.issued[-1][1] == kid


def _is_deleted(stack: Stack, kid: str) -> None:
    rows = Books.of(stack).rows("identity", "SELECT kid FROM signing_key")
    assert kid not in {row["kid"] for row in rows}
