"""The habits every service has from `create_app`: access, problems, parameters, headers, sizes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import get
from litestar.exceptions import HTTPException
from litestar.params import FromQuery
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.access import public
from promenade_chassis.http.edge import SECURITY_HEADERS
from promenade_chassis.ports import Conflict, Invalid, InvalidTransition, StaleVersion, invalid_field
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from psycopg import OperationalError
from psycopg.errors import UndefinedTable
from psycopg_pool import PoolTimeout
from redis.exceptions import ConnectionError as RedisConnectionError
from tiny_service import THING, TINY, Bench, tiny_app

THINGS = f"{TINY}/things"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_access_is_what_the_route_declares(
    client: httpx.AsyncClient, verifier: FakeVerifier, user: dict[str, str], user_id: UUID
) -> None:
    """Public for anybody, own for who is signed in, a permission for who holds it."""
    staff = verifier.sign_in(uuid4(), "orders:read")

    assert (await client.get(f"{TINY}/public")).status_code == 200
    problem_of(await client.get(f"{TINY}/own"), 401, "unauthenticated")
    assert (await client.get(f"{TINY}/own", headers=user)).json() == {"id": str(user_id)}
    problem_of(await client.get(f"{TINY}/staff"), 401, "unauthenticated")
    problem_of(await client.get(f"{TINY}/staff", headers=user), 403, "forbidden")
    assert (await client.get(f"{TINY}/staff", headers=staff)).status_code == 200


async def test_a_bad_token_is_refused_on_public_routes_too(client: httpx.AsyncClient) -> None:
    """A client that believes itself signed in should learn that it is not."""
    answer = await client.get(f"{TINY}/public", headers={"Authorization": "Bearer expired"})

    problem_of(answer, 401, "invalid-token")


@pytest.mark.parametrize("path", ["/things", f"/things/{THING}/kick"])
async def test_who_may_not_write_learns_nothing_of_his_body(client: httpx.AsyncClient, bench: Bench, path: str) -> None:
    """401 comes before everything that is wrong with body, type and key, and nothing runs."""
    answer = await client.post(TINY + path, content=b"{", headers={"Content-Type": "text/x", "Idempotency-Key": ""})

    problem_of(answer, 401, "unauthenticated")
    assert bench.calls == []


PROBLEMS: list[tuple[str, BaseException, int, str]] = [
    ("a bug", RuntimeError("the password is hunter2"), 500, "internal-error"),
    ("a mistake in SQL", UndefinedTable('relation "secret_table" does not exist'), 500, "internal-error"),
    ("a bug inside a cause", ValueError("hunter2"), 500, "internal-error"),
    ("the database away", OperationalError("connection to 10.0.0.7 refused: hunter2"), 503, "service-unavailable"),
    ("no free connection", PoolTimeout("hunter2"), 503, "service-unavailable"),
    ("Redis away", RedisConnectionError("hunter2"), 503, "service-unavailable"),
    ("a conflict", Conflict("Not now"), 409, "conflict"),
    ("a refused command", InvalidTransition("draft", "ship", ["place"]), 409, "invalid-transition"),
    ("a lost race", StaleVersion(), 409, "concurrent-update"),
    ("an error of the framework", HTTPException(status_code=429, detail="slow down"), 429, "too-many-requests"),
]


@pytest.mark.parametrize(("error", "status", "code"), [pytest.param(*rest, id=name) for name, *rest in PROBLEMS])
async def test_every_error_is_a_problem_that_leaks_nothing(
    client: httpx.AsyncClient, bench: Bench, error: BaseException, status: int, code: str
) -> None:
    """Whatever a handler raises becomes a complete problem, without stack, SQL, address or secret."""
    bench.troubles = [error]

    answer = await client.get(f"{TINY}/public")

    problem_of(answer, status, code)
    for secret in ("hunter2", "secret_table", "10.0.0.7", "Traceback", "RuntimeError", "psycopg", ".py"):
        assert secret not in answer.text
    assert status != 503 or answer.headers["retry-after"] == "1"


async def test_a_refused_command_names_the_allowed_ones(client: httpx.AsyncClient, bench: Bench) -> None:
    """What a domain error has to add stands in the problem, and replaces none of its members."""
    bench.troubles = [InvalidTransition("draft", "ship", ["place"]), Conflict("no", status="x", code="y")]

    first = problem_of(await client.get(f"{TINY}/public"), 409, "invalid-transition")
    problem_of(await client.get(f"{TINY}/public"), 409, "conflict")

    assert (first["state"], first["allowed"]) == ("draft", ["place"])


async def test_faults_stand_in_the_problem(client: httpx.AsyncClient, bench: Bench) -> None:
    """A rule's fault looks like a fault of the body."""
    bench.troubles = [invalid_field("/a", "too-late", "Too late")]

    assert faults_of(await client.get(f"{TINY}/public")) == {("/a", "too-late")}
    assert Invalid([]).faults == ()


@pytest.mark.parametrize("path", ["/", "/nowhere", TINY, f"{TINY}/nowhere", "/%00", "/%FF%FE"])
async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    """404 in the same form."""
    answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


@pytest.mark.parametrize("path", ["/public", "/own", "/staff", "/things", "/nowhere", "/public?x=1"])
async def test_head_is_get_without_its_body(client: httpx.AsyncClient, user: dict[str, str], path: str) -> None:
    """On every resource, refusals included (RFC 9110, 9.1): the same status and headers, and nothing behind them."""
    same = {"X-Request-Id": "one"}
    for headers in (same, user | same):
        got = await client.get(TINY + path, headers=headers)
        head = await client.head(TINY + path, headers=headers)

        assert (head.status_code, head.headers) == (got.status_code, got.headers)
        assert head.content == b""
        assert got.content


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "FOO"])
async def test_an_unknown_method_says_which_there_are(client: httpx.AsyncClient, method: str) -> None:
    """405 with Allow."""
    answer = await client.request(method, f"{TINY}/public")

    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.json()["code"] == "method-not-allowed"


async def test_options_answers_the_methods(client: httpx.AsyncClient) -> None:
    """OPTIONS needs no token and tells nothing else."""
    answer = await client.options(THINGS)

    assert answer.status_code == 204
    assert "POST" in answer.headers["allow"]


async def test_a_long_unknown_parameter_is_not_told_in_full(client: httpx.AsyncClient) -> None:
    """As far as one can read it."""
    answer = await client.get(f"{TINY}/public?{'x' * 10_000}=1")

    assert len(problem_of(answer, 400, "unknown-parameter")["detail"]) < 300


@pytest.mark.parametrize("query", ["x=1", "Word=1", "word=a&x=", "%00=1", "page=1", "word[]=1"])
async def test_an_unknown_parameter_is_refused(client: httpx.AsyncClient, bench: Bench, query: str) -> None:
    """Refused, never ignored: a misspelt filter must not answer everything."""
    problem_of(await client.get(f"{TINY}/public?{query}"), 400, "unknown-parameter")
    assert bench.calls == []


@get("/sought", access=public(), operation_id="seek")
async def seek(number: FromQuery[UUID | None] = None, word: FromQuery[str | None] = None) -> dict[str, str]:
    """Answers what it was asked to look for."""
    return {"number": str(number), "word": str(word)}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("number=null", "invalid-parameter"),
        ("word=a&word=b", "repeated-parameter"),
        (f"number={THING}&number={THING}", "repeated-parameter"),
    ],
)
async def test_a_filter_is_never_switched_off_by_its_value(verifier: FakeVerifier, query: str, code: str) -> None:
    """Neither "null", which is no value, nor a second one lets a filter pass everything."""
    async with client_of(tiny_app(Bench(), verifier, routes=[seek])) as client:
        problem_of(await client.get(f"{TINY}/sought?{query}"), 400, code)


async def test_null_is_a_text_like_any_other(verifier: FakeVerifier) -> None:
    """Where a text is looked for, it may read null."""
    async with client_of(tiny_app(Bench(), verifier, routes=[seek])) as client:
        answer = await client.get(f"{TINY}/sought?word=null")

    assert answer.json() == {"number": "None", "word": "null"}


async def test_nul_in_a_parameter_is_refused(client: httpx.AsyncClient) -> None:
    """No database takes it."""
    problem_of(await client.get(f"{TINY}/public?word=a%00b"), 400, "bad-request")


@pytest.mark.parametrize("path", ["/public", "/own", "/nowhere"])
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    """Answers of all kinds: good, refused and not found."""
    answer = await client.get(TINY + path)

    for name, value in SECURITY_HEADERS:
        assert answer.headers.get_list(name.decode()) == [value.decode()]


async def test_a_request_id_is_echoed_and_becomes_the_cause(client: httpx.AsyncClient, user: dict[str, str]) -> None:
    """What the caller names his request by stands in the answer and in every event it causes, with who caused it."""
    headers = {**user, "X-Request-Id": "req-1.a:b_C", "traceparent": TRACEPARENT}

    answer = await client.get(f"{TINY}/public", headers=headers)

    actor = (await client.get(f"{TINY}/own", headers=user)).json()["id"]
    assert answer.headers.get_list("x-request-id") == ["req-1.a:b_C"]
    assert answer.json()["cause"] == ["req-1.a:b_C", TRACEPARENT, actor]


@pytest.mark.parametrize("given", [None, "", "a b", "a\tb", "x" * 129, "<script>", "ä".encode()])
async def test_a_request_id_that_is_none_is_replaced(client: httpx.AsyncClient, given: Any) -> None:
    """What could break logs or headers is not echoed; everybody gets an id."""
    answer = await client.get(f"{TINY}/public", headers={"X-Request-Id": given} if given is not None else {})

    made = UUID(answer.headers["x-request-id"])
    assert answer.json()["cause"] == [str(made), None, None]


@pytest.mark.parametrize("given", ["", "x", TRACEPARENT.upper(), "01" + TRACEPARENT[2:], TRACEPARENT + "-x"])
async def test_a_traceparent_that_is_none_is_dropped(client: httpx.AsyncClient, given: str) -> None:
    """Only what W3C calls one is passed on."""
    answer = await client.get(f"{TINY}/public", headers={"traceparent": given})

    assert answer.json()["cause"][1] is None


@pytest.fixture
async def small(bench: Bench, verifier: FakeVerifier, user: dict[str, str]) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client of a service that takes a thousand bytes."""
    async with client_of(tiny_app(bench, verifier), HttpSettings(max_body_bytes=1000)) as client:
        client.headers.update(user)
        yield client


@pytest.mark.parametrize("path", ["/things", f"/things/{THING}/kick"])
async def test_a_body_over_the_limit_is_413(small: httpx.AsyncClient, bench: Bench, path: str) -> None:
    """A body that says its length is refused before it is read."""
    answer = await small.post(TINY + path, content=b" " * 1001, headers={"Content-Type": "application/json"})

    problem_of(answer, 413, "body-too-large")
    assert bench.calls == []


async def test_an_endless_body_is_cut_off(small: httpx.AsyncClient, bench: Bench) -> None:
    """A body without a length is counted while it streams in, and reading ends at the limit."""
    sent = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal sent
        while sent < 1_000_000:
            sent += 100
            yield b" " * 100

    answer = await small.post(THINGS, content=endless(), headers={"Content-Type": "application/json"})

    problem_of(answer, 413, "body-too-large")
    assert sent <= 1200
    assert bench.calls == []


async def test_a_body_of_exactly_the_limit_is_read(small: httpx.AsyncClient) -> None:
    """The limit itself is allowed."""
    body = b'{"name": "x"}'

    answer = await small.post(THINGS, content=body.ljust(1000), headers={"Content-Type": "application/json"})

    assert answer.status_code == 201


@pytest.mark.parametrize("length", ["", "-1", "x", "9" * 5000])
async def test_a_length_that_is_none_breaks_nothing(
    client: httpx.AsyncClient, user: dict[str, str], length: str
) -> None:
    """Where the length cannot be read, the bytes are counted or the request refused: no fault of ours."""
    headers = {**user, "Content-Length": length, "Content-Type": "application/json"}

    assert (await client.post(THINGS, content=b'{"name": "x"}', headers=headers)).status_code in (201, 400)


async def test_cors_is_what_the_configuration_says(bench: Bench, verifier: FakeVerifier) -> None:
    """Origins that are configured are allowed, others get no CORS header."""
    http = HttpSettings(cors_origins=("https://shop.example",))
    async with client_of(tiny_app(bench, verifier, http=http), http) as client:
        ours = await client.get(f"{TINY}/public", headers={"Origin": "https://shop.example"})
        others = await client.get(f"{TINY}/public", headers={"Origin": "https://evil.example"})

    assert ours.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in others.headers
