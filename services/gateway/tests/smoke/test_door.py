"""Who is let in, and what those hear who are not."""

from typing import Any

import httpx
import pytest
import structlog
from gateway_rig import CONTEXTS, FakeAdmission, Mint, echo, upstream
from promenade_gateway.admission import Standing
from promenade_kernel.values.ids import new_id

ORDERS = "/api/v1/order-management/orders"
LOGIN = "/api/v1/identity/auth/login"


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    """Whether the answer is this problem, complete as RFC 9457 and the house want it."""
    body = answer.json()
    return (
        answer.headers["Content-Type"] == "application/problem+json"
        and (answer.status_code, body["status"], body["code"]) == (status, status, code)
        and body["type"] == f"/problems/{code}"
        and body["request_id"] == answer.headers["X-Request-Id"]
        and body["instance"] == answer.request.url.path
        and bool(body["title"] and body["detail"])
    )


async def test_without_a_token_private_routes_are_closed(gateway: Any) -> None:
    """The answer says how to come in."""
    async with gateway({}) as client:
        answer = await client.get(ORDERS)

    assert is_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"iss": "https://evil.example.com"},
        {"aud": "other"},
        {"aud": ["promenade", "other"]},
        {"nbf": 2**33},
        {"sub": "nobody"},
        {"epoch": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", [ORDERS, "/api/v1/billing/plans"])
async def test_a_bad_token_is_refused_on_every_route(gateway: Any, mint: Mint, claims: Any, path: str) -> None:
    """On public ones too: whoever brings a token should learn that it does not count."""
    async with upstream(echo) as url, gateway({"billing": url, "order-management": url}) as client:
        answer = await client.get(path, headers=mint.bearer(**claims))

    assert is_problem(answer, 401, "invalid-token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("header", ["Bearer", "Basic YTpi", "Bearer x.y.z", "Bearer " + "x" * 9000, "x"])
async def test_what_is_no_token_is_refused(gateway: Any, header: str) -> None:
    """In whatever form it comes."""
    async with gateway({}) as client:
        answer = await client.get(ORDERS, headers={"Authorization": header})

    assert is_problem(answer, 401, "invalid-token")


async def test_a_stranger_may_use_public_routes(gateway: Any) -> None:
    """Without a token he is nobody, which is enough there."""
    async with upstream(echo) as url, gateway({"identity": url, "billing": url}) as client:
        login = await client.post(LOGIN, json={"email": "ada@example.com", "password": "x"})
        plans = await client.get("/api/v1/billing/plans")
        profile = await client.get(f"/api/v1/identity/profiles/{new_id()}")
        keys = await client.get("/.well-known/jwks.json")
        document = await client.get("/openapi/billing.json")

    assert [a.status_code for a in (login, plans, profile, keys, document)] == [200] * 5
    assert login.json()["body"] == '{"email":"ada@example.com","password":"x"}'
    assert keys.json()["target"] == "/.well-known/jwks.json"
    assert document.json()["target"] == "/openapi.json"


@pytest.mark.parametrize(
    ("standing", "status", "code"),
    [
        (Standing.REVOKED, 401, "token-revoked"),
        (Standing.STALE, 401, "token-stale"),
        (Standing.UNKNOWN, 503, "service-unavailable"),
    ],
)
@pytest.mark.parametrize("path", [ORDERS, "/api/v1/billing/plans"])
async def test_a_token_that_is_no_longer_good_is_refused(
    gateway: Any, mint: Mint, admission: FakeAdmission, standing: Standing, status: int, code: str, path: str
) -> None:
    """Never a pass where it cannot be told."""
    admission.standing = standing
    async with upstream(echo) as url, gateway({"billing": url, "order-management": url}) as client:
        answer = await client.get(path, headers=mint.bearer())

    assert is_problem(answer, status, code)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)


async def test_too_many_requests_are_a_429(gateway: Any, admission: FakeAdmission) -> None:
    """With the time to wait."""
    admission.allowed = False
    async with gateway({}) as client:
        answer = await client.get("/api/v1/billing/plans")

    assert is_problem(answer, 429, "rate-limited")
    assert answer.headers["Retry-After"] == "7"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/billing/plans", 200), (ORDERS, 401), ("/api/v1/nothing", 404), ("/a%2Fb", 400), ("/health", 503)],
)
async def test_every_answer_tells_the_limits(gateway: Any, path: str, status: int) -> None:
    """Refusals too."""
    async with upstream(echo) as url, gateway({"billing": url}) as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        answer = await client.send(request)

    assert answer.status_code == status
    assert answer.headers["RateLimit-Policy"] == '"address";q=60;w=3'
    assert answer.headers["RateLimit"] == '"fake";r=1;t=1'


async def test_each_request_draws_from_its_own_buckets(gateway: Any, mint: Mint, admission: FakeAdmission) -> None:
    """Principals, addresses and accounts are counted apart."""
    user = new_id()
    async with upstream(echo) as url, gateway({"identity": url, "order-management": url}) as client:
        await client.get(ORDERS, headers=mint.bearer(user))
        await client.get(ORDERS)
        await client.post(LOGIN, json={"email": "ada@example.com"})
        await client.post(LOGIN, content=b"{")
        await client.post("/api/v1/identity/auth/refresh", json={"refresh_token": "x"})

    keys = [keys for _, keys in admission.asked]
    assert keys[0] == [f"{{rate}}:principal:{user}"]
    assert keys[1] == ["{rate}:address:127.0.0.1"]
    assert [key.rpartition(":")[0] for key in keys[2]] == ["{rate}:login:account", "{rate}:login:address"]
    assert keys[3] == ["{rate}:login:address:127.0.0.1"]
    assert keys[4] == ["{rate}:refresh:address:127.0.0.1"]


async def test_padding_does_not_hide_the_account(gateway: Any) -> None:
    """A body too large to be looked into is not let through."""
    padded = b'{"email": "ada@example.com", "x": "' + b"x" * 16 * 1024 + b'"}'
    async with gateway({}) as client:
        answer = await client.post(LOGIN, content=padded)

    assert is_problem(answer, 413, "body-too-large")


async def test_without_redis_the_signed_in_wait_and_strangers_go_on(
    gateway: Any, mint: Mint, admission: FakeAdmission
) -> None:
    """What cannot be checked is not let pass; what needs no check is, and the log says so."""
    admission.away = True
    async with upstream(echo) as url, gateway({"billing": url, "order-management": url}) as client:
        with structlog.testing.capture_logs() as lines:
            signed_in = await client.get(ORDERS, headers=mint.bearer())
            with_token = await client.get("/api/v1/billing/plans", headers=mint.bearer())
            stranger = await client.get("/api/v1/billing/plans")
            closed = await client.get(ORDERS)

    assert is_problem(signed_in, 503, "service-unavailable")
    assert is_problem(with_token, 503, "service-unavailable")
    assert stranger.status_code == 200
    assert is_problem(closed, 401, "unauthenticated")
    assert [line["refused"] for line in lines if line["event"] == "redis.away"] == [True, True, False]


async def test_an_operator_may_choose_otherwise(gateway: Any, mint: Mint, admission: FakeAdmission) -> None:
    """Then signed-in routes go on too, and each time the log says so."""
    admission.away = True
    async with upstream(echo) as url, gateway({"order-management": url}, when_redis_is_away="pass") as client:
        with structlog.testing.capture_logs() as lines:
            answer = await client.get(ORDERS, headers=mint.bearer())

    assert answer.status_code == 200
    assert [line["refused"] for line in lines if line["event"] == "redis.away"] == [False]


async def test_each_request_leaves_one_line(gateway: Any, mint: Mint) -> None:
    """With the route's template; without token, query and body."""
    user = new_id()
    token = mint.token(user)
    headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "mine"}
    async with upstream(echo) as url, gateway({"order-management": url}) as client:
        with structlog.testing.capture_logs() as lines:
            await client.post(f"{ORDERS}/{new_id()}/place?q=secret", content=b"secret", headers=headers)
            await client.get("/health/live")

    handled = [line for line in lines if line["event"] == "request.handled"]
    assert len(handled) == 1
    line = handled[0]
    assert (line["method"], line["route"], line["status"]) == ("POST", f"{ORDERS}/{{id}}/place", 200)
    assert (line["principal"], line["request_id"], len(line["trace_id"])) == (str(user), "mine", 32)
    assert line["duration_ms"] >= line["upstream_ms"] > 0
    assert token not in str(lines)
    assert "secret" not in str(lines)


@pytest.mark.parametrize("origin", ["https://shop.example.com", "https://evil.example.com"])
async def test_browsers_of_configured_origins_may_read_answers(gateway: Any, origin: str) -> None:
    """Preflights are answered at the door, without a token; other origins get nothing."""
    allowed = origin == "https://shop.example.com"
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    origins = {"cors_origins": ("https://shop.example.com",)}
    async with upstream(echo) as url, gateway({"billing": url}, http=origins) as client:
        asked = await client.options(ORDERS, headers=preflight)
        read = await client.get("/api/v1/billing/plans", headers={"Origin": origin})

    assert asked.status_code == (204 if allowed else 401)
    for answer in (asked, read):
        assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert ("Authorization" in asked.headers.get("Access-Control-Allow-Headers", "")) == allowed


async def test_every_context_has_its_prefix(gateway: Any, mint: Mint) -> None:
    """And nothing else is there."""
    async with upstream(echo) as url, gateway(dict.fromkeys(CONTEXTS, url)) as client:
        found = [(await client.get(f"/api/v1/{name}/x", headers=mint.bearer())).status_code for name in CONTEXTS]
        missing = await client.get("/api/v1/nothing/x", headers=mint.bearer())

    assert found == [200] * 4
    assert is_problem(missing, 404, "not-found")
