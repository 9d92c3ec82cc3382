"""What every write gets by construction: If-Match, repeated races, Idempotency-Key, bodies."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from promenade_chassis.ports import Conflict, StaleVersion
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_chassis.testing.fakes import FakeVerifier
from tiny_service import THING, TINY, Bench

THINGS, ONE = f"{TINY}/things", f"{TINY}/things/{THING}"
NAMED = {"name": "x"}


@pytest.fixture
def client(client: httpx.AsyncClient, user: dict[str, str]) -> httpx.AsyncClient:
    """The client, signed in."""
    client.headers.update(user)
    return client


@pytest.fixture
def key() -> dict[str, str]:
    """A key nobody has used."""
    return {"Idempotency-Key": uuid4().hex}


async def test_a_race_lost_twice_is_won_the_third_time(client: httpx.AsyncClient, bench: Bench) -> None:
    """Without If-Match the handler runs again, up to three times in all; the caller sees only the success."""
    bench.troubles = [StaleVersion(), StaleVersion()]

    answer = await client.post(f"{ONE}/kick")

    assert answer.status_code == 200
    assert len(bench.calls) == 3


async def test_a_race_lost_three_times_is_lost(client: httpx.AsyncClient, bench: Bench) -> None:
    """Then the caller is told that others were faster."""
    bench.troubles = [StaleVersion() for _ in range(4)]

    problem_of(await client.post(f"{ONE}/kick"), 409, "concurrent-update")
    assert len(bench.calls) == 3


async def test_with_if_match_a_race_is_lost_at_once(client: httpx.AsyncClient, bench: Bench) -> None:
    """Who names a version wants that one: another is 412, and nothing runs again."""
    bench.troubles = [StaleVersion()]

    problem_of(await client.post(f"{ONE}/kick", headers={"If-Match": '"3"'}), 412, "precondition-failed")
    assert bench.calls == [3]


async def test_of_two_keys_neither_wins(client: httpx.AsyncClient, bench: Bench) -> None:
    """Which of them the effect would be stored under is a guess: refused, and nothing runs."""
    keys = [("Idempotency-Key", "one"), ("Idempotency-Key", "two"), *client.headers.items()]

    problem_of(await client.post(THINGS, json=NAMED, headers=keys), 400, "bad-idempotency-key")
    assert bench.calls == []


async def test_other_conflicts_are_not_repeated(client: httpx.AsyncClient, bench: Bench) -> None:
    """Only a lost race may end differently the next time."""
    bench.troubles = [Conflict()]

    problem_of(await client.post(f"{ONE}/kick"), 409, "conflict")
    assert len(bench.calls) == 1


async def test_if_match_is_required_where_the_route_says_so(client: httpx.AsyncClient, bench: Bench) -> None:
    """428 without it; `*` is any version."""
    problem_of(await client.patch(ONE, json=NAMED), 428, "precondition-required")
    assert bench.calls == []
    assert (await client.patch(ONE, json=NAMED, headers={"If-Match": '"3"'})).status_code == 200
    assert (await client.patch(ONE, json=NAMED, headers={"If-Match": "*"})).status_code == 200
    assert bench.calls == [3, None]


@pytest.mark.parametrize("body", [None, b"", b" ", b"{}", b" {\n} "])
async def test_a_commands_body_may_be_absent(client: httpx.AsyncClient, body: bytes | None) -> None:
    """Or `{}`."""
    answer = await client.post(f"{ONE}/kick", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b"[]", {("", "wrong-type")}),
        (b'{"x": 1}', {("/x", "unknown-field")}),
        (b'"x"', {("", "wrong-type")}),
        (b"null", {("", "wrong-type")}),
    ],
)
async def test_a_command_without_fields_takes_none(
    client: httpx.AsyncClient, bench: Bench, body: bytes, faults: set[tuple[str, str]]
) -> None:
    """Anything in its body is a fault, and nothing runs."""
    answer = await client.post(f"{ONE}/kick", content=body, headers={"Content-Type": "application/json"})

    assert faults_of(answer) == faults
    assert bench.calls == []


async def test_an_absent_body_lacks_its_fields(client: httpx.AsyncClient) -> None:
    """Where fields are required, nothing is `{}` with faults, and no body that cannot be read."""
    assert faults_of(await client.post(THINGS)) == {("/name", "required")}


async def test_a_repeated_key_runs_once(client: httpx.AsyncClient, bench: Bench, key: dict[str, str]) -> None:
    """The second answer is the first one, word for word, and says that it is a replay."""
    first = await client.post(THINGS, json=NAMED, headers=key)
    again = await client.post(THINGS, json=NAMED, headers=key)

    assert bench.calls == ["x"]
    assert (again.status_code, again.content) == (201, first.content)
    kept = ("location", "etag", "content-type", "content-length")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_key_belongs_to_its_user(
    client: httpx.AsyncClient, bench: Bench, verifier: FakeVerifier, key: dict[str, str]
) -> None:
    """Somebody else's key of the same name is another key: nobody is shown another's answer."""
    other = verifier.sign_in(uuid4())
    await client.post(THINGS, json=NAMED, headers=key)

    theirs = await client.post(THINGS, json=NAMED, headers={**key, **other})

    assert (theirs.status_code, "idempotent-replayed" in theirs.headers) == (201, False)
    assert bench.calls == ["x", "x"]


TROUBLES: list[tuple[str, BaseException, int]] = [
    ("a conflict", Conflict(), 409),
    ("a bug", RuntimeError(), 500),
]


@pytest.mark.parametrize(("trouble", "status"), [pytest.param(*rest, id=name) for name, *rest in TROUBLES])
async def test_a_failure_does_not_consume_the_key(
    client: httpx.AsyncClient, bench: Bench, key: dict[str, str], trouble: Any, status: int
) -> None:
    """What failed may be tried again with its key, and then counts."""
    bench.troubles = [trouble]

    failed = await client.post(THINGS, json=NAMED, headers=key)
    again = await client.post(THINGS, json=NAMED, headers=key)

    assert (failed.status_code, again.status_code) == (status, 201)
    assert "idempotent-replayed" not in again.headers


async def test_a_lost_race_is_repeated_under_a_key_too(
    client: httpx.AsyncClient, bench: Bench, key: dict[str, str]
) -> None:
    """And its success is what the key remembers."""
    bench.troubles = [StaleVersion()]

    first = await client.post(f"{ONE}/kick", headers=key)
    again = await client.post(f"{ONE}/kick", headers=key)

    assert (first.status_code, again.status_code) == (200, 200)
    assert len(bench.calls) == 2
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_body_that_ends_early_runs_nothing(client: httpx.AsyncClient, bench: Bench) -> None:
    """A client that goes away in the middle of its body has asked for nothing."""
    app: Any = client._transport.app  # type: ignore[attr-defined]  # pyright: ignore
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b'{"name": "x"}', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []
    headers = [(b"authorization", client.headers["authorization"].encode()), (b"content-type", b"application/json")]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    request = client.build_request("POST", THINGS)
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "headers": headers}
    scope |= {"path": request.url.path, "raw_path": request.url.raw_path, "query_string": b"", "scheme": "http"}
    await app({**scope, "root_path": "", "server": ("test", 80), "client": ("test", 1)}, receive, send)

    assert bench.calls == []
    assert sent == []
