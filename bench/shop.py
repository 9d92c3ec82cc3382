"""The whole suite as `promenade up` starts it, with customers who order and pay: what the cash flow is measured on."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import httpx
import psutil
from promenade_chassis.embedded.placement import remove_data
from promenade_kernel.events.envelope import Envelope, stream_of
from promenade_local.mails import read_mails
from promenade_local.names import CONTEXTS, GATEWAY
from promenade_local.state import StackState
from promenade_local.story import Door
from redis.asyncio import Redis
from serving import free_port

WITHIN = 30.0
API = "/api/v1"
PUBLISHERS = ("billing", "order-management")
INVOICED, CONFIRMED = "invoice.finalized.v1", "order.confirmed.v1"
_EURO = "EUR"
_ADDRESS = {"street": "Linke Wienzeile 12", "city": "Vienna", "postal_code": "1060", "country": "AT"}
_ORDER = {
    "currency": _EURO,
    "lines": [
        {
            "sku": sku,
            "name": name,
            "quantity": quantity,
            "unit_price": {"amount": price, "currency": _EURO},
            "tax_rate": "0.20",
        }
        for sku, name, quantity, price in (("TEA-1", "Darjeeling", 2, 1250), ("POT-7", "Teapot", 1, 3490))
    ],
    "shipping": {"name": "Parcel", "price": {"amount": 490, "currency": _EURO}, "tax_rate": "0.20"},
    "shipping_address": _ADDRESS,
    "billing_address": _ADDRESS,
}


@dataclass(frozen=True, slots=True)
class Suite:
    """A running stack: its home, and where its gateway and its engines listen."""

    home: Path
    state: StackState

    @property
    def url(self) -> str:
        """The gateway."""
        return f"http://127.0.0.1:{self.state.port}"

    def port(self, name: str) -> int:
        """Where a process listens."""
        return next(row.port for row in self.state.processes if row.name == name)

    def cpu(self) -> float:
        """Seconds of CPU that the gateway and the four services have used; not the engines."""
        rows = [row for row in self.state.processes if row.name in (GATEWAY, *CONTEXTS)]
        times = [psutil.Process(row.process.pid).cpu_times() for row in rows]
        return sum(each.user + each.system for each in times)


@contextmanager
def running_suite() -> Iterator[Suite]:
    """All processes, each on a port of its own, on a home that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="promenade-bench-"))
    home.chmod(0o711)
    try:
        _promenade(home, "up", "--detach", "--port", str(free_port(room=15)))
        yield Suite(home, StackState.read(home / "state.json"))
    finally:
        _promenade(home, "down")
        remove_data(home)
        shutil.rmtree(home, ignore_errors=True)


def _promenade(home: Path, *arguments: str) -> None:
    command = (sys.executable, "-m", "promenade_local", *arguments)
    done = subprocess.run(
        command, env={**os.environ, "PROMENADE_HOME": str(home)}, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


class _Silence:
    """Listens to the story and says nothing."""

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        return

    def verified(self, text: str) -> None:
        return


async def register(suite: Suite) -> str:
    """The access token of a new user who has become a customer."""
    account = {"email": f"ada.{uuid4().hex[:12]}@example.com", "password": f"correct horse {uuid4().hex[:12]}"}
    async with httpx.AsyncClient(base_url=suite.url, timeout=20) as http:
        door = Door(http, _Silence(), WITHIN)
        await door.call("POST", "/identity/auth/register", {**account, "display_name": "Ada"}, expect=202)
        proof = {"email": account["email"], "code": await _code(suite, account["email"])}
        await door.call("POST", "/identity/auth/verify-email", proof, expect=200)
        door.token = (await door.call("POST", "/identity/auth/login", account, expect=200))["access_token"]
        await door.until("/customer-management/me", lambda found: "lifecycle" in found, "the customer")
        return door.token


async def _code(suite: Suite, address: str) -> str:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        mails = await asyncio.to_thread(read_mails, suite.home / "mail")
        text = next((mail.text for mail in reversed(mails) if address in mail.to), "")
        if found := re.search(r"\b\d{6}\b", text):
            return found[0]
        await asyncio.sleep(0.05)
    raise RuntimeError(f"no mail came within {WITHIN:.0f} s")


@dataclass(slots=True)
class Customer:
    """Orders and pays through the gateway; every POST has its Idempotency-Key, as it should."""

    session: aiohttp.ClientSession
    token: str

    async def draft(self) -> UUID:
        """A new order, not yet placed."""
        return UUID((await self._post("/order-management/orders", 201, _ORDER))["id"])

    async def place(self, order_id: UUID) -> None:
        """Place it."""
        await self._post(f"/order-management/orders/{order_id}/place", 200)

    async def pay(self, invoice_id: UUID) -> None:
        """Pay its invoice."""
        await self._post("/billing/payments", 201, {"invoice_id": str(invoice_id), "method": "pm_ok"})

    async def _post(self, path: str, expect: int, body: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid4())}
        async with self.session.post(f"{API}{path}", json=body, headers=headers) as answer:
            if answer.status != expect:
                raise RuntimeError(f"POST {path} answered {answer.status}: {(await answer.text())[:300]}")
            return await answer.json()


@dataclass(slots=True)
class News:
    """What the streams tell of orders: their invoices, and that they are confirmed."""

    invoices: dict[UUID, asyncio.Future[UUID]] = field(default_factory=dict[UUID, asyncio.Future[UUID]])
    confirmed: dict[UUID, asyncio.Future[None]] = field(default_factory=dict[UUID, asyncio.Future[None]])

    def expect(self, order_id: UUID) -> tuple[asyncio.Future[UUID], asyncio.Future[None]]:
        """The id of its invoice, and its confirmation, when they come."""
        loop = asyncio.get_running_loop()
        self.invoices[order_id], self.confirmed[order_id] = loop.create_future(), loop.create_future()
        return self.invoices[order_id], self.confirmed[order_id]

    def take(self, envelope: Envelope) -> None:
        """One event."""
        if envelope.type == INVOICED:
            fact: Any = envelope.open()
            if (waits := self.invoices.pop(fact.order_id, None)) is not None:
                waits.set_result(fact.invoice_id)
        elif envelope.type == CONFIRMED and (done := self.confirmed.pop(envelope.subject, None)) is not None:
            done.set_result(None)


@asynccontextmanager
async def news_of(suite: Suite) -> AsyncGenerator[News, None]:
    """Follows both streams from now on, so that no customer has to ask again and again. When it fails, all fails."""
    news = News()
    async with Redis(port=suite.port("valkey"), protocol=2, socket_timeout=None) as redis, asyncio.TaskGroup() as group:
        last = {stream_of(context): await _newest(redis, stream_of(context)) for context in PUBLISHERS}
        task = group.create_task(_follow(redis, last, news))
        yield news
        task.cancel()


async def _newest(redis: Redis, stream: str) -> Any:
    """The id after which nothing has come; a stream is not there before its first event or reader."""
    return (await redis.xinfo_stream(stream))["last-generated-id"] if await redis.exists(stream) else "0"


async def _follow(redis: Redis, last: dict[str, Any], news: News) -> None:
    while True:
        for stream, entries in await redis.xread(last, count=500, block=1_000):
            for entry_id, fields in entries:
                last[stream.decode()] = entry_id
                news.take(Envelope.decode(fields[b"e"]))
