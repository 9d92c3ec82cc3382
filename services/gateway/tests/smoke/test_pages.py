"""The gateway's own pages."""

import asyncio
import re
from typing import Any

import msgspec
import pytest
from aiohttp import web
from gateway_rig import CONTEXTS, FakeAdmission, upstream
from promenade_gateway.catalogue import CATALOGUE, PROBLEMS, Catalogue, Problem


def a_service(*, ready: bool) -> Any:
    async def report(request: web.Request) -> web.Response:
        assert request.path == "/health/ready"
        body = {"name": "x", "version": "1.2.3", "ready": ready, "checks": {}}
        return web.json_response(body, status=200 if ready else 503)

    return report


async def test_health_is_ok_when_every_service_is_ready(gateway: Any) -> None:
    """One row a service."""
    async with upstream(a_service(ready=True)) as url, gateway(dict.fromkeys(CONTEXTS, url)) as client:
        answer = await client.get("/health")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "services": [{"name": name, "ready": True, "version": "1.2.3"} for name in CONTEXTS],
    }


async def test_health_is_degraded_when_one_is_not(gateway: Any) -> None:
    """The same body says which: one that is not ready, one that is not there."""
    async with upstream(a_service(ready=True)) as good, upstream(a_service(ready=False)) as bad:
        services = {"identity": good, "customer-management": good, "order-management": bad}
        async with gateway(services) as client:
            answer = await client.get("/health")

    assert answer.status_code == 503
    assert answer.json()["status"] == "degraded"
    assert answer.json()["services"][2:] == [
        {"name": "order-management", "ready": False, "version": "1.2.3"},
        {"name": "billing", "ready": False, "version": None},
    ]


async def test_one_ready_replica_is_a_ready_service(gateway: Any) -> None:
    """The others are passed over until they are back."""
    async with (
        upstream(a_service(ready=True)) as url,
        gateway({name: [url, "http://127.0.0.1:1"] for name in CONTEXTS}) as client,
    ):
        assert (await client.get("/health")).status_code == 200


async def test_the_gateways_own_health_needs_nobody(gateway: Any, admission: FakeAdmission) -> None:
    """Neither services nor Redis."""
    admission.away = True
    async with gateway({}) as client:
        live, ready = await client.get("/health/live"), await client.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert ready.json()["name"] == "gateway"
    assert ready.json()["ready"] is True
    assert admission.asked == []


async def test_callers_share_one_question(gateway: Any) -> None:
    """Many probes at once do not become many times four."""
    asked = 0

    async def count(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.1)
        return web.json_response({"ready": True, "version": "1"})

    async with upstream(count) as url, gateway(dict.fromkeys(CONTEXTS, url)) as client:
        await client.get("/health/live")
        answers = await asyncio.gather(*(client.get("/health") for _ in range(5)))

    assert {answer.status_code for answer in answers} == {200}
    assert asked < 5 * len(CONTEXTS)


async def test_a_problem_has_a_page(gateway: Any) -> None:
    """The `type` of a problem leads to it; only the stylesheet may be loaded, and it is there."""
    async with gateway({}) as client:
        answer = await client.get("/problems/not-found")
        style = await client.get("/problems/style.css")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert PROBLEMS["not-found"].title in answer.text
    assert answer.headers.get_list("Content-Security-Policy")[0].startswith("default-src 'none'; style-src 'self'; ")
    assert 'href="/problems/style.css"' in answer.text
    assert (style.status_code, style.headers["Content-Type"].partition(";")[0]) == (200, "text/css")


async def test_the_list_leads_to_every_problem(gateway: Any) -> None:
    """Each link of it is answered."""
    async with gateway({}) as client:
        listed = await client.get("/problems", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        paths = re.findall(r'href="(/problems/[a-z-]+)"', listed.text)
        answers = [await client.get(path) for path in paths]

    assert {path.rpartition("/")[2] for path in paths} == PROBLEMS.keys()
    assert {answer.status_code for answer in answers} == {200}


async def test_programs_read_problems_as_json(gateway: Any) -> None:
    """With the header that asks for it; caches keep the two apart."""
    headers = {"Accept": "application/json"}
    async with gateway({}) as client:
        one = await client.get("/problems/not-found", headers=headers)
        every = await client.get("/problems", headers=headers)

    assert one.headers["Content-Type"].startswith("application/json")
    assert one.headers["Vary"] == "Accept"
    assert msgspec.json.decode(one.content, type=Problem) == PROBLEMS["not-found"]
    assert msgspec.json.decode(every.content, type=Catalogue) == CATALOGUE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/problems/no-such-problem", 404),
        ("POST", "/problems", 405),
        ("GET", "/problems/not-found/more", 404),
        ("GET", "/health/other", 404),
        ("POST", "/health", 405),
        ("GET", "/openapi/nothing.json", 404),
    ],
)
async def test_what_is_not_there_is_a_problem(gateway: Any, method: str, path: str, status: int) -> None:
    """Of the same form as every other."""
    async with gateway({}) as client:
        answer = await client.request(method, path)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert len(answer.headers.get_list("X-Request-Id")) == 1


async def test_head_of_a_page_has_no_body(gateway: Any) -> None:
    """But the headers of GET."""
    async with gateway({}) as client:
        got, asked = await client.get("/problems/not-found"), await client.head("/problems/not-found")

    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["Content-Length"] == got.headers["Content-Length"]


async def test_the_gateway_describes_itself(gateway: Any) -> None:
    """Under its own name beside the services'."""
    async with gateway({}) as client:
        answer = await client.get("/openapi/gateway.json")

    assert answer.status_code == 200
    assert set(answer.json()["paths"]) == {
        "/asyncapi.yaml",
        "/docs",
        "/events",
        "/health",
        "/health/live",
        "/health/ready",
        "/problems",
        "/problems/{slug}",
    }
