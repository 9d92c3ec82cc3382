"""Without a collector: what a stack logs, which is no secret, and what it shows to whoever scrapes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from uuid import uuid4

import httpx
from e2e_stack import Silence, Stack
from promenade_chassis.testing.polling import eventually
from promenade_local.story import tell


async def test_without_telemetry_no_line_of_a_story_has_a_secret(stack: Stack) -> None:
    """Passwords, tokens, codes, and whatever a client puts where it does not belong."""
    secret, asked = "s3cret-Hunter2-horse", uuid4().hex
    headers = {"X-Api-Key": secret, "Cookie": f"session={secret}", "X-Request-Id": asked}
    await tell(stack.scene(Silence()))
    async with httpx.AsyncClient(base_url=f"{stack.url}/api/v1", headers=headers, timeout=30) as client:
        login = {"email": "nobody@example.org", "password": secret}
        answers = [
            await client.post("/identity/auth/login", json=login),
            await client.post("/identity/auth/verify-email", json={"token": secret, secret: secret}),
            await client.get(f"/identity/contacts/{secret}?token={secret}"),
            await client.get("/billing/invoices", headers={"Authorization": f"Bearer {secret}"}),
            await client.get(f"/order-management/orders?sort={secret}", headers=await signed_in(stack, client)),
            await client.get(f"/billing/plans/{secret}?q={secret}"),
        ]
    asked_of_services = 5  # all but the two that the gateway refuses; and the login
    written = await eventually(lambda: _logs_with(stack, asked, len(answers) + 1 + asked_of_services))

    assert [answer.status_code for answer in answers] == [401, 422, 401, 401, 400, 404]
    assert written.count("request.handled") > 50
    assert secret not in written
    assert not re.search(r"eyJ[A-Za-z0-9_-]{10,}\.", written)
    admin = json.loads((stack.home / "credentials.json").read_text())
    assert admin["password"] not in written


def _logs_with(stack: Stack, request_id: str, times: int) -> str:
    """All logs, once they tell of all requests with this id; lines wait for a hundredth of a second, or longer."""
    written = "\n".join(path.read_text() for path in stack.home.glob("logs/*"))
    assert written.count(request_id) >= times, "the logs are those of the run: of the gateway and of services"
    return written


async def signed_in(stack: Stack, client: httpx.AsyncClient) -> Mapping[str, str]:
    admin = json.loads((stack.home / "credentials.json").read_text())
    answer = await client.post("/identity/auth/login", json={"email": admin["email"], "password": admin["password"]})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_scrape_tells_of_requests_pools_and_builds(stack: Stack) -> None:
    """Each process on its admin port; no series has an id in it."""
    await tell(stack.scene(Silence()))

    for name, wanted in {
        "gateway": ["promenade_gateway_upstream_seconds_count", "promenade_gateway_breaker_open"],
        "billing": ["promenade_database_connections", "promenade_events_handled_total", "process_cpu_seconds_total"],
    }.items():
        text = await scrape(stack, name)
        for metric in [*wanted, "promenade_http_requests_total", "promenade_http_request_seconds_bucket"]:
            assert re.search(rf"^{metric}[ {{]", text, re.MULTILINE), (name, metric)
        assert f'promenade_build_info{{context="{name}",version=' in text
        assert not re.search(r'route="[^"]*[0-9a-f]{8}-[0-9a-f]{4}', text)


async def scrape(stack: Stack, name: str) -> str:
    """The metrics of an application: its admin port comes after those of the seven."""
    order = ["gateway", "identity", "customer-management", "order-management", "billing"]
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{stack.port + 7 + order.index(name)}/metrics")).text
