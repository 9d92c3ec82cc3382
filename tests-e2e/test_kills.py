"""kill -9 of any process in the middle of the story, and SIGTERM under load in each role: it still ends right."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, Generator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from e2e_replicas import Books, Crew, crew_beside
from e2e_stack import Silence, Stack
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.ports import lent_port
from promenade_local.story import Door, tell

CUSTOMERS = "/api/v1/customer-management/customers"
DEADLINE = 12  # ten seconds, and two for the interpreter to end
# Who dies, and right after which request was answered.
DEATHS = [
    ("identity", "/auth/register"),
    ("customer-management", "/place"),
    ("order-management", "/place"),
    ("gateway", "/orders"),
    ("postgres", "/payments"),
    ("valkey", "/place"),
    *(
        pytest.param(victim, after, marks=pytest.mark.long)
        for victim, after in (
            ("identity", "/auth/verify-email"),
            ("customer-management", "/auth/register"),
            ("order-management", "/payments"),
            ("order-management", "/deliver"),
            ("billing", "/place"),
            ("billing", "/payments"),
        )
    ),
]


class Killer(Silence):
    """Kills a process as soon as a request was answered, once."""

    def __init__(self, stack: Stack, victim: str, after: str) -> None:
        self._stack = stack
        self._victim = victim
        self._after = after
        self.killed: int | None = None

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        if method == "POST" and path.endswith(self._after) and self.killed is None:
            self.killed = self._stack.pid(self._victim)
            os.kill(self.killed, signal.SIGKILL)


@pytest.mark.parametrize(("victim", "after"), DEATHS)
async def test_the_story_survives_a_kill(stack: Stack, victim: str, after: str) -> None:
    """The process is started again and the order is delivered, paid once, with one invoice."""
    killer = Killer(stack, victim, after)

    order = await tell(stack.scene(killer))

    assert killer.killed is not None
    assert (order["status"], order["payment_status"]) == ("completed", "paid")
    assert stack.pid(victim) != killer.killed


@pytest.fixture
def crew(stack: Stack) -> Generator[Crew, None, None]:
    """Processes started by hand."""
    with crew_beside(stack) as started:
        yield started


@pytest_asyncio.fixture
async def staff(stack: Stack) -> AsyncGenerator[Door, None]:
    """The superadmin, through the gateway; a POST that got no answer is repeated with its key."""
    scene = stack.scene(Silence())
    async with httpx.AsyncClient(base_url=stack.url, timeout=20) as http:
        door = Door(http, scene.listener, scene.within)
        body = {"email": scene.admin_email, "password": scene.admin_password}
        door.token = (await door.call("POST", "/identity/auth/login", body, expect=200))["access_token"]
        yield door


async def test_serve_answers_whoever_it_has_let_in(crew: Crew, staff: Door) -> None:
    """A client either gets its whole answer or finds the door closed."""
    port = lent_port()
    process = crew.launch("customer-management", "serve", "door", PROMENADE_HTTP__PORT=str(port))
    url = f"http://127.0.0.1:{port}{CUSTOMERS}"
    headers = {"Authorization": f"Bearer {staff.token}", "Connection": "close"}
    answered: list[int] = []
    async with httpx.AsyncClient(headers=headers) as http:
        await eventually(lambda: http.get(url), within=60)  # it starts beside whatever else the machine does

        async def ask_until_closed() -> None:
            while True:
                try:
                    answered.append((await http.get(url)).status_code)
                except httpx.ConnectError:
                    return

        asking = [asyncio.create_task(ask_until_closed()) for _ in range(8)]
        await eventually(lambda: _many(answered), within=20)
        await _ends_well(process)
        await asyncio.gather(*asking)

    assert set(answered) == {200}


@pytest.mark.long
async def test_work_drains_and_the_others_go_on(stack: Stack, crew: Crew, staff: Door) -> None:
    """A second worker of each service leaves in the middle of the traffic; the books agree."""
    contexts = ("customer-management", "order-management", "billing")
    processes = [crew.launch(context, "work", "leaving") for context in contexts]
    books, name = Books.of(stack), uuid4().hex[:8]
    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(_create(staff, f"{name}-{number}"))
        for process, context in zip(processes, contexts, strict=True):
            await eventually(lambda context=context: books.knows_consumer(context, "leaving"), within=30)
            await _ends_well(process)

    await eventually(books.are_consistent, within=30, every=0.2)


async def test_all_of_it_stops_and_no_request_is_lost_or_doubled(stack: Stack, staff: Door) -> None:
    """The service of the stack stops under load and is started again; every customer exists once, told to everybody."""
    name, number = uuid4().hex[:8], 60
    process = stack.pid("customer-management")
    door = asyncio.Semaphore(6)

    async def create(which: int) -> None:
        async with door:
            if which == number // 3:
                os.kill(process, signal.SIGTERM)
            await _create(staff, f"{name}-{which}")

    await asyncio.gather(*(create(which) for which in range(number)))

    books = Books.of(stack)
    (found,) = books.rows(
        "customer-management",
        f"SELECT count(*) AS n, count(DISTINCT name) AS names FROM customer WHERE name LIKE '{name}-%'",
    )
    assert (found["n"], found["names"]) == (number, number)
    await eventually(books.are_consistent, within=30, every=0.2)
    assert stack.pid("customer-management") != process
    assert _last_words(stack) == "process.stopped"


async def _create(staff: Door, name: str) -> None:
    """One customer, as often as it takes; every try of it carries one key."""
    await Door(staff.http, staff.listener, staff.within, token=staff.token).call(
        "POST", "/customer-management/customers", {"name": name}, expect=201
    )


async def _ends_well(process: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    process.terminate()
    status = await asyncio.to_thread(process.wait, stretched(DEADLINE))
    print(f"ended {time.monotonic() - began:.2f} s after SIGTERM")
    assert status == 0


def _many(answered: list[int]) -> None:
    assert len(answered) > 50


def _last_words(stack: Stack) -> str:
    """What the process said last before it was started again."""
    lines = (stack.home / "logs" / "customer-management.log").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines if line.startswith("{")]
    return next(event for event in reversed(events) if event.startswith("process."))
