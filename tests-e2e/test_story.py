"""The story, in every topology that one machine can hold."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from typing import cast
from uuid import uuid4

import httpx
import pytest
import redis
from e2e_stack import Silence, Stack
from promenade_chassis.testing.polling import eventually
from promenade_kernel.events.envelope import Envelope, stream_of
from promenade_local.story import Door, Scene, tell

TOPOLOGIES = ["stack", "single"]
PHONE = "+436601234567"
ADDRESS = {"street": "Linke Wienzeile 12", "city": "Vienna", "postal_code": "1060", "country": "AT"}
LINE = {"sku": "TEA-1", "name": "Tea", "quantity": 1, "unit_price": {"amount": 100, "currency": "EUR"}, "tax_rate": "0"}
ORDER = {"currency": "EUR", "lines": [LINE], "shipping_address": ADDRESS}


@pytest.fixture(params=TOPOLOGIES)
def running(request: pytest.FixtureRequest) -> Stack:
    return request.getfixturevalue(request.param)


async def test_the_story_ends_with_a_delivered_order(running: Stack) -> None:
    """From registration to the completed order, each step verified through the gateway."""
    order = await tell(running.scene(Silence()))

    assert order["status"] == "completed"
    assert order["fulfillment_status"] == "delivered"
    assert order["totals"]["total"] == {"amount": 7776, "currency": "EUR"}


async def test_stories_told_at_once_all_end_well(running: Stack) -> None:
    """Five customers at once: each has one order, one invoice, and numbers of their own."""
    orders = await asyncio.gather(*(tell(running.scene(Silence())) for _ in range(5)))

    assert {order["status"] for order in orders} == {"completed"}
    assert len({order["number"] for order in orders}) == len(orders)


async def test_a_request_is_followed_to_its_last_effect(stack: Stack) -> None:
    """What placing an order led to, in other services too, has its correlation id and trace, and names its cause."""
    order = await tell(stack.scene(Silence()))

    facts = published(stack, "order-management") + published(stack, "billing")
    placed = next(fact for fact in facts if fact.type == "order.placed.v1" and str(fact.subject) == order["id"])
    process = [fact for fact in facts if fact.correlationid == placed.correlationid]
    invoiced = next(fact for fact in process if fact.type == "invoice.finalized.v1")
    assert invoiced.causationid == str(placed.id)
    assert placed.traceparent is not None
    assert {trace_of(fact) for fact in process} == {trace_of(placed)}
    assert {fact.actor for fact in process} == {placed.actor}


async def test_other_services_follow_what_a_user_is(stack: Stack) -> None:
    """His name and his verified phone show at his customer; suspended he orders nothing, nor does staff for him."""
    async with httpx.AsyncClient(base_url=stack.url, timeout=20) as http:
        scene = stack.scene(Silence())
        user, staff = (Door(http, scene.listener, scene.within) for _ in range(2))
        await sign_in(staff, {"email": scene.admin_email, "password": scene.admin_password})
        account = await registered(user, scene)
        await sign_in(user, account)

        await user.call("PATCH", "/identity/profiles/me", {"display_name": "Augusta"}, expect=200)
        await prove_phone(user, stack, PHONE)
        customer = await user.until(
            "/customer-management/me", lambda found: (found.get("name"), found.get("phone")) == ("Augusta", PHONE), "it"
        )

        draft = await user.call("POST", "/order-management/orders", ORDER, expect=201)
        his = f"/identity/users/{customer['user_id']}"
        await staff.call("POST", f"{his}/suspend", {"reason": "Does not pay"}, expect=200)
        for_him = {**ORDER, "customer_id": customer["id"]}
        await eventually(lambda: answers(staff, "/order-management/orders", 409, for_him), within=30, every=0.1)
        place = f"/order-management/orders/{draft['id']}/place"
        by_himself, by_staff = await user.status("POST", place), await staff.status("POST", place)
        flagged = await staff.until(
            f"/customer-management/customers/{customer['id']}", lambda c: c["user_status"] == "suspended", "the flag"
        )

        await staff.call("POST", f"{his}/reinstate", expect=200)
        await sign_in(user, account)
        await eventually(lambda: answers(user, place, 200), within=30, every=0.1)

    assert (by_himself, by_staff) == (401, 409)
    assert flagged["name"] == "Augusta"


async def registered(user: Door, scene: Scene) -> dict[str, str]:
    """Address and password of a new active user."""
    account = {"email": f"ada.{uuid4().hex}@example.com", "password": f"correct horse {uuid4().hex}"}
    await user.call("POST", "/identity/auth/register", {**account, "display_name": "Ada"}, expect=202)

    async def code() -> str:
        found = re.search(r"\b\d{6}\b", await scene.read_code(account["email"]) or "")
        assert found
        return found[0]

    given = {"email": account["email"], "code": await eventually(code, within=30)}
    await user.call("POST", "/identity/auth/verify-email", given, expect=200)
    return account


async def sign_in(door: Door, account: dict[str, str]) -> None:
    """Begin a session; a stale token of an earlier one would be refused even there."""
    door.token = None
    door.token = (await door.call("POST", "/identity/auth/login", account, expect=200))["access_token"]


async def prove_phone(user: Door, stack: Stack, phone: str) -> None:
    """Add a phone and verify it with the code that the log has instead of a provider."""
    contact = await user.call("POST", "/identity/contacts", {"type": "phone", "phone": phone}, expect=201)
    await user.call("POST", f"/identity/contacts/{contact['id']}/send-code", expect=202)

    def code() -> str:
        log = (stack.home / "logs" / "identity.log").read_text(encoding="utf-8")
        found = re.findall(r"Your Promenade code is (\d{6})", log)
        assert found
        return found[-1]

    given = {"code": await eventually(code, within=30)}
    await user.call("POST", f"/identity/contacts/{contact['id']}/verify", given, expect=200)


async def answers(door: Door, path: str, status: int, body: dict[str, object] | None = None) -> None:
    """A POST has that status by now."""
    assert await door.status("POST", path, body) == status


def published(stack: Stack, context: str) -> list[Envelope]:
    """Everything on a context's stream."""
    with redis.Redis(port=stack.rows()["valkey"].port) as client:
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", client.xrange(stream_of(context)))
    return [Envelope.decode(fields[b"e"]) for _, fields in entries]


def trace_of(fact: Envelope) -> str | None:
    """The trace id of its W3C trace context."""
    return fact.traceparent.split("-")[1] if fact.traceparent else None


async def test_status_names_the_seven(running: Stack) -> None:
    """`status --json` has one row for each service and engine, all ready, on 127.0.0.1."""
    processes = running.processes()

    names = ["gateway", "identity", "customer-management", "order-management", "billing", "postgres", "valkey"]
    assert list(processes) == names
    assert all(row.keys() == {"name", "pid", "port", "ready", "restarts"} for row in processes.values())
    assert all(row["ready"] for row in processes.values())
    assert len({row["port"] for row in processes.values()}) == len(names)


async def test_health_has_a_row_for_each_service(running: Stack) -> None:
    """The gateway's /health is 200 and names every service with its version."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{running.url}/health")

    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "ok")
    assert {row["name"] for row in body["services"]} == {
        "identity",
        "customer-management",
        "order-management",
        "billing",
    }
    assert all(row["ready"] and row["version"] for row in body["services"])


def test_the_demo_tells_the_story(running: Stack) -> None:
    """`promenade demo` exits 0 after having verified each step, and shows requests and events."""
    answer = running.promenade("demo")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    for event in ("user.registered.v1", "order.placed.v1", "invoice.paid.v1", "order.completed.v1"):
        assert event in answer.stdout
    assert "The story is true" in answer.stdout


async def test_the_one_process_comes_back_after_kill_9_and_nothing_is_lost(single: Stack) -> None:
    """Killed in the middle of the story, the one-process stack starts again and publishes what its outboxes hold."""

    class Killer(Silence):
        killed = False

        def request(self, method: str, path: str, status: int, seconds: float) -> None:
            if path.endswith("/place") and not self.killed:
                self.killed = True
                os.kill(single.pid("billing"), signal.SIGKILL)

    killer, before = Killer(), single.restarts()

    order = await tell(single.scene(killer))

    assert killer.killed
    assert order["status"] == "completed"
    await eventually(lambda: _restarted(single, before), within=20)


def _restarted(stack: Stack, before: dict[str, int]) -> None:
    """All five applications once, and they work again."""
    now = stack.processes()
    assert [row["restarts"] - before[name] for name, row in now.items()] == [1, 1, 1, 1, 1, 0, 0]
    assert all(row["ready"] for row in now.values())
