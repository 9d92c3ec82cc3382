"""What ends a token ends it at the gateway: measured at two of them, from the answer of the command on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import redis
from e2e_replicas import Books, Crew, crew_beside, kill, surroundings_of
from e2e_stack import Stack
from e2e_town import BASE, ENDS, WITHIN, Figures, Town
from fuzz_world import Caller, client_of, register
from promenade_chassis.testing.polling import eventually, stretched

TRIES = 3


@pytest.fixture(scope="module")
def crew(stack: Stack) -> Generator[Crew, None, None]:
    """A second gateway."""
    upstreams = surroundings_of(stack).of("gateway")["PROMENADE_GATEWAY__UPSTREAMS"]
    with crew_beside(stack) as crew:
        port = str(stack.port + 16)
        crew.launch("gateway", "serve", "second", PROMENADE_HTTP__PORT=port, PROMENADE_GATEWAY__UPSTREAMS=upstreams)
        yield crew


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Caller:
    """The superadmin."""
    account = json.loads((stack.home / "credentials.json").read_text())
    caller = Caller(client_of(stack), account["email"], account["password"])
    caller.sign_in()
    return caller


@pytest.fixture(scope="module")
def role(staff: Caller) -> str:
    """A role whose permissions change."""
    staff.post("/identity/roles", {"name": "weathercock", "permissions": ["orders:read"]}, 201)
    return "weathercock"


@pytest.fixture(scope="module")
def user(stack: Stack, staff: Caller, role: str) -> Caller:
    """Somebody who has it."""
    return register(stack)


@pytest.fixture
async def town(stack: Stack, crew: Crew, staff: Caller, user: Caller, role: str) -> AsyncGenerator[Town, None]:
    urls = [stack.url, f"http://127.0.0.1:{stack.port + 16}"]
    clients = [httpx.AsyncClient(base_url=url, timeout=stretched(20)) for url in urls]
    town = Town(clients, staff, user, role)
    await eventually(lambda: _ready(clients[1]), within=90)
    yield town
    for client in clients:
        await client.aclose()


async def _ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/ready")).status_code == 200


async def _end_tokens(town: Town, kind: str, tries: int) -> Figures:
    end, code, refreshed, undo = ENDS[kind]
    figures = Figures()
    for _ in range(tries):
        tokens = await town.sign_in()
        if kind == "permissions":
            await town.of_user("PUT", "/roles", {"roles": ["user", town.role]})
            tokens = await town.sign_in()
        await town.passes(tokens["access_token"])
        ended = await end(town, tokens)
        since = time.monotonic()
        assert await town.refused(ended["access_token"], figures, since) == {code}
        answer = await town.refresh(ended, refreshed[0])
        assert answer.get("code") == refreshed[1]
        if undo is not None:
            await town.of_user(*undo)
        if refreshed[0] == 200:
            await town.passes(answer["access_token"])
    print(f"{kind}: {figures}")
    return figures


@pytest.mark.parametrize("kind", ENDS)
async def test_what_ends_a_token_ends_it_at_both_gateways(town: Town, kind: str) -> None:
    """Within a second of the answer, with the code that says how to go on, which is then how it goes on."""
    figures = await _end_tokens(town, kind, TRIES)

    assert len(figures.refused) == 2 * TRIES
    assert max(figures.passed) == 0, "Identity tells Redis before it answers"


@pytest.mark.long
@pytest.mark.parametrize("kind", ENDS)
async def test_twenty_times_each(town: Town, kind: str) -> None:
    """The same, often enough to speak of the longest."""
    figures = await _end_tokens(town, kind, 20)

    assert max(figures.passed) == 0, "Identity tells Redis before it answers"


async def test_a_flush_between_command_and_use_lets_nobody_pass(stack: Stack, town: Town) -> None:
    """Of three flushes none lets an ended token pass, and the worker brings all revocations back."""
    came_back: list[float] = []
    with redis.Redis.from_url(Books.of(stack).redis_url) as store:
        for _ in range(3):
            ended, stale, figures = await town.sign_in(), await town.sign_in(), Figures()
            await town.logout(ended)
            await town.other_roles(stale)
            known = _revocations(store)
            store.flushall()
            since = time.monotonic()
            codes = await asyncio.gather(*(town.refused(t["access_token"], figures, since) for t in (ended, stale)))
            await eventually(lambda known=known: _are_back(store, known))
            came_back.append(time.monotonic() - since)
            await town.passes((await town.sign_in())["access_token"])

            assert set().union(*codes) == {"token-revoked", "token-stale"}
            assert max(figures.passed) == 0, "an ended token passed after the flush"
    print(f"flushed: all revocations back after {[round(each, 3) for each in came_back]} s")
    # Three tries, for the machine may be busy with others at one of them.
    assert min(came_back) <= stretched(WITHIN)


def _revocations(store: Any) -> dict[bytes, bytes]:
    names = sorted(store.scan_iter("{auth}:*"))
    return dict(zip(names, store.mget(names), strict=True))


def _are_back(store: Any, known: dict[bytes, bytes]) -> None:
    assert _revocations(store) == known


async def test_a_death_between_commit_and_announcement_is_made_up_for(stack: Stack, crew: Crew, town: Town) -> None:
    """Identity commits the end of all sessions and dies before it has told Redis: the worker tells it."""
    tokens, figures, books = await town.sign_in(), Figures(), Books.of(stack)
    await town.passes(tokens["access_token"])
    newest = _newest(books)
    async with _deaf_server() as deaf:
        port = stack.port + 17
        away = {"PROMENADE_HTTP__PORT": str(port), "PROMENADE_REDIS__URL": f"redis://127.0.0.1:{deaf}/0"}
        doomed = crew.launch("identity", "serve", "doomed", **away)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=stretched(20)) as direct:
            await eventually(lambda: _lives(direct), within=90)
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            leaving = asyncio.create_task(direct.post(f"{BASE}/auth/logout-all", headers=headers))
            await eventually(lambda: _is_newer(books, newest), every=0.005)
            kill(doomed.pid)
            since = time.monotonic()

            with pytest.raises(httpx.TransportError):
                await leaving
    assert await town.refused(tokens["access_token"], figures, since) == {"token-stale"}
    print(f"killed between commit and announcement: {figures}")


async def _lives(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).status_code == 200


def _newest(books: Books) -> int:
    (row,) = books.rows("identity", "SELECT number FROM revocation_counter")
    return row["number"]


def _is_newer(books: Books, number: int) -> None:
    assert _newest(books) > number


@asynccontextmanager
async def _deaf_server() -> AsyncGenerator[int, None]:
    """A port that takes connections and never answers."""
    ending = asyncio.Event()

    async def hear_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ending.wait()
        writer.close()

    server = await asyncio.start_server(hear_nothing, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        ending.set()
        server.close()
