"""What every write of every service promises, asked of each route that its table holds. A test module inherits it.

The routes come from the application, so that a new one is covered by being there; all a service adds is how each
operation is prepared: a state in which it is possible, and the request that does it.
"""

# ruff: noqa: S101 - tests, to be inherited

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from promenade_chassis.http.access import Access
from promenade_chassis.testing.answers import problem_of

WRITES = {"POST", "PUT", "PATCH", "DELETE"}


@dataclass(frozen=True, slots=True)
class WriteRoute:
    """A route that changes something. `path` is the template; the flags are what the code says of itself."""

    method: str
    path: str
    operation_id: str
    is_public: bool
    ignores_keys: bool
    takes_if_match: bool
    needs_if_match: bool

    @property
    def should_honour_keys(self) -> bool:
        """Every POST of a signed-in caller, but for tokens, previews and what providers send."""
        exempt = "/auth/" in self.path or self.path.endswith("/preview") or "/provider/callbacks" in self.path
        return self.method == "POST" and not self.is_public and not exempt

    @property
    def should_take_if_match(self) -> bool:
        """Every PATCH, PUT, DELETE and command that is about one thing; `/auth/logout` and the like are about none."""
        names_one = "{" in self.path
        creates = self.method == "POST" and not names_one
        return not (creates or self.is_public or ("/auth/" in self.path and not names_one))

    @property
    def should_need_if_match(self) -> bool:
        """PATCH of orders, invoices and subscriptions."""
        owner, _, last = self.path.rpartition("/")
        guarded = owner.rpartition("/")[2] in ("orders", "invoices", "subscriptions")
        return self.method == "PATCH" and last.startswith("{") and guarded


def write_routes(app: Litestar) -> list[WriteRoute]:
    """Every route that changes something, in the order of its name."""
    found: list[WriteRoute] = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            takes = handler.parsed_fn_signature.parameters
            access: Access | None = handler.opt.get("access")
            found += [
                WriteRoute(
                    method=str(method),
                    path=route.path,
                    operation_id=handler.operation_id,
                    is_public=access is not None and access.kind == "public",
                    ignores_keys=bool(handler.opt.get("ignores_keys")),
                    takes_if_match=bool({"expected_version", "required_version"} & takes.keys()),
                    needs_if_match="required_version" in takes,
                )
                for method in handler.http_methods & WRITES
            ]
    return sorted(found, key=lambda each: each.operation_id)


@dataclass(frozen=True, kw_only=True)
class Act:
    """One request that is possible now. `watch` is where GET shows what it changes; None when that does not exist yet.

    `version` is that of a deleted thing, which GET does not show. `headers` say who asks, where that is not the client.
    """

    path: str
    body: Mapping[str, Any] | None = None
    watch: str | None = None
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Prepare = Callable[[str], Awaitable[Act]]


async def send(client: httpx.AsyncClient, route: WriteRoute, act: Act, **headers: str) -> httpx.Response:
    """Send the request of an act; If-Match is `*` where the route cannot do without one."""
    needed = {"If-Match": "*"} if route.needs_if_match else {}
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.request(route.method, act.path, json=act.body, headers={**needed, **act.headers, **told})


async def etag_of(client: httpx.AsyncClient, act: Act) -> str:
    """The ETag that GET gives of what the act changes."""
    if act.version is not None:
        return f'"{act.version}"'
    assert act.watch is not None, "say in the Act where its effect can be seen"
    answer = await client.get(act.watch, headers=dict(act.headers))
    assert answer.status_code == 200, answer.text
    return answer.headers["etag"]


async def sight_of(client: httpx.AsyncClient, act: Act) -> tuple[int, bytes]:
    """What GET shows of what the act changes, or that it is gone."""
    if act.watch is None:
        return 0, b""
    answer = await client.get(act.watch, headers=dict(act.headers))
    return answer.status_code, answer.content if answer.is_success else b""


class ForEachRoute:
    """Asks each test of every route of the kind that its parameter names."""

    routes: ClassVar[Sequence[WriteRoute]] = ()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """`laden` routes take long to try: beyond one that creates and one command they are for `just test-crash`."""
        kinds: dict[str, Callable[[WriteRoute], bool]] = {
            "written": lambda route: not route.is_public,
            "versioned": lambda route: route.should_take_if_match,
            "posted": lambda route: route.method == "POST" and not route.is_public,
            "keyed": lambda route: route.should_honour_keys,
            "commanded": lambda route: route.should_honour_keys and "{" in route.path,
            "laden": lambda route: route.should_honour_keys,
        }
        for name in kinds.keys() & set(metafunc.fixturenames):
            chosen = [each for each in self.routes if kinds[name](each)]
            # The first of each kind.
            short = {"{" in each.path: each for each in reversed(chosen)}.values() if name == "laden" else chosen
            marks = {each: [] if each in short else [pytest.mark.long] for each in chosen}
            metafunc.parametrize(name, [pytest.param(e, id=e.operation_id, marks=marks[e]) for e in chosen])


class RouteContract(ForEachRoute):
    """Give it `routes` and two fixtures: `client`, signed in, and `prepare`."""

    async def test_a_stale_version_changes_nothing(
        self, versioned: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """412, and all is as it was."""
        act = await prepare(versioned.operation_id)
        before = await sight_of(client, act)

        for tag in ('"999999"', 'W/"1"'):
            problem_of(await send(client, versioned, act, If_Match=tag), 412, "precondition-failed")

        assert act.watch is not None
        assert await sight_of(client, act) == before

    async def test_what_is_no_version_is_refused(
        self, versioned: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """400: a client that sends no ETag of ours has not understood."""
        act = await prepare(versioned.operation_id)

        for tag in ("1", '"x"', '"-1"', '""'):
            problem_of(await send(client, versioned, act, If_Match=tag), 400, "bad-if-match")

    async def test_the_version_that_was_read_is_accepted(
        self, versioned: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """The ETag that GET gave."""
        act = await prepare(versioned.operation_id)
        read = await etag_of(client, act)

        answer = await send(client, versioned, act, If_Match=read)

        assert answer.is_success, answer.text

    async def test_what_is_answered_is_what_get_shows(
        self, written: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """The whole resource, its version as the ETag; what was created lives where Location says."""
        act = await prepare(written.operation_id)

        answer = await send(client, written, act)

        assert answer.is_success, answer.text
        created = answer.headers.get("location") if answer.status_code == 201 else None
        assert (answer.status_code == 201) is (created is not None)
        if created is not None:
            assert (await client.get(created, headers=dict(act.headers))).status_code == 200
        if answer.content and "version" in answer.json():
            told = answer.json()
            shown = [await client.get(place, headers=dict(act.headers)) for place in (created, act.watch) if place]
            same = next(each for each in shown if each.is_success and each.json()["id"] == told["id"])
            assert answer.headers["etag"] == same.headers["etag"] == f'"{told["version"]}"'
            assert told | same.json() == told

    async def test_a_key_is_honoured_where_the_house_says(
        self, posted: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """The same request again gets the same answer and changes nothing; tokens and previews keep no keys."""
        act, key = await prepare(posted.operation_id), uuid4().hex

        first = await send(client, posted, act, Idempotency_Key=key)
        shown = await sight_of(client, act)
        again = await send(client, posted, act, Idempotency_Key=f'"{key}"')

        assert first.is_success, first.text
        assert "idempotent-replayed" not in first.headers
        assert again.headers.get("idempotent-replayed") == ("true" if posted.should_honour_keys else None)
        if posted.should_honour_keys:
            assert (again.status_code, again.content) == (first.status_code, first.content)
            kept = ("location", "etag", "content-type")
            assert [again.headers.get(name) for name in kept] == [first.headers.get(name) for name in kept]
            assert await sight_of(client, act) == shown

    async def test_a_key_belongs_to_its_body(
        self, keyed: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """Another body under it is 422; where a command takes no body, any is."""
        act, key = await prepare(keyed.operation_id), uuid4().hex
        assert (await send(client, keyed, act, Idempotency_Key=key)).is_success
        headers = {**act.headers, "Idempotency-Key": key, "Content-Type": "application/json"}

        other = await client.post(act.path, content=b'{"another": "body"}', headers=headers)

        problem_of(other, 422, "idempotency-key-reused" if act.body is not None else "invalid")

    async def test_a_key_belongs_to_its_path(
        self, commanded: WriteRoute, client: httpx.AsyncClient, prepare: Prepare
    ) -> None:
        """The same command to another resource is another request, whatever its key."""
        one, other, key = await prepare(commanded.operation_id), await prepare(commanded.operation_id), uuid4().hex
        assert one.path != other.path

        answers = [await send(client, commanded, act, Idempotency_Key=key) for act in (one, other)]

        assert [answer.is_success for answer in answers] == [True, True]
        assert "idempotent-replayed" not in answers[1].headers

    async def test_a_refusal_keeps_no_key(self, keyed: WriteRoute, client: httpx.AsyncClient, prepare: Prepare) -> None:
        """What was refused may be mended and sent again under the same key."""
        act, key = await prepare(keyed.operation_id), uuid4().hex
        headers = {**act.headers, "Idempotency-Key": key, "Content-Type": "application/json"}
        refused = await client.post(act.path, content=b'{"no-such-field": 1}', headers=headers)

        accepted = await send(client, keyed, act, Idempotency_Key=key)

        problem_of(refused, 422, "invalid")
        assert accepted.is_success, accepted.text
        assert "idempotent-replayed" not in accepted.headers
