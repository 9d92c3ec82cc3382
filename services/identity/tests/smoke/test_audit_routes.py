"""What the audit trail promises of every write of a signed-in caller: a new route is tested by being there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import pytest
from identity_acts import IdentityActs
from identity_rooms import BASE, Fakes, Visitor
from promenade_chassis.testing.route_contract import ForEachRoute, Prepare, WriteRoute, send, write_routes
from promenade_identity.actions import ACTIONS
from promenade_identity.audit.entity import SUCCESS, Entry

# What a body says that an entry must not.
SECRET = re.compile("email|password|code|token|phone|address|display_name")


@pytest.fixture
def client(visitor: Visitor) -> httpx.AsyncClient:
    """Signed in as whoever is prepared."""
    return visitor.client


@pytest.fixture
def prepare(client: httpx.AsyncClient, visitor: Visitor) -> Prepare:
    """Makes each operation possible."""
    return IdentityActs(client, visitor)


def secrets_in(found: Any, name: str = "") -> Iterator[str]:
    """The texts of a body that stand under a name of a secret's or of a person's."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield from secrets_in(value, str(key))
    elif isinstance(found, list):
        for value in found:
            yield from secrets_in(value, name)
    elif isinstance(found, str) and SECRET.search(name) and found != "Bearer":
        yield found


def words_of(entry: Entry) -> str:
    """All that an entry says of the action itself."""
    return f"{entry.action} {entry.outcome} {entry.subject} {dict(entry.details)}"


class TestEveryWrite(ForEachRoute):
    """But those of contacts and profiles."""

    routes: ClassVar[Sequence[WriteRoute]] = [
        route for route in write_routes(Fakes().app()) if route.operation_id in ACTIONS
    ]

    async def test_it_leaves_one_entry(
        self, written: WriteRoute, client: httpx.AsyncClient, prepare: Prepare, fakes: Fakes
    ) -> None:
        """Of its action and with the status that is answered; an answer repeated under its key is no second action."""
        act, key = await prepare(written.operation_id), uuid4().hex
        caller = (await client.get(f"{BASE}/me", headers=dict(act.headers))).json()["user"]["id"]
        before = len(fakes.trail.rows)

        answer = await send(client, written, act, Idempotency_Key=key)
        if written.should_honour_keys:
            assert (await send(client, written, act, Idempotency_Key=key)).headers["idempotent-replayed"] == "true"

        assert answer.is_success, answer.text
        (entry,) = fakes.trail.rows[before:]
        assert (entry.action, entry.outcome) == (ACTIONS[written.operation_id], SUCCESS)
        assert (entry.status, str(entry.actor)) == (answer.status_code, caller)
        assert entry.origin.request_id == answer.headers["x-request-id"]
        assert entry.origin.session_id is not None

    async def test_its_refusal_leaves_one_entry(
        self, written: WriteRoute, client: httpx.AsyncClient, prepare: Prepare, fakes: Fakes
    ) -> None:
        """Of who is not signed in, and of who sends what the route does not take."""
        act = await prepare(written.operation_id)
        before = len(fakes.trail.rows)

        nobody = await client.request(written.method, act.path, json=act.body, headers={"Authorization": "Bearer x"})
        wrong = await client.request(written.method, f"{act.path}?x=1", json=act.body, headers=dict(act.headers))

        entries = fakes.trail.rows[before:]
        assert [(entry.action, entry.outcome, entry.status) for entry in entries] == [
            (ACTIONS[written.operation_id], answer.json()["code"], answer.status_code) for answer in (nobody, wrong)
        ]
        assert [entry.actor is None for entry in entries] == [True, False]

    async def test_no_entry_tells_what_it_must_not(
        self, written: WriteRoute, client: httpx.AsyncClient, prepare: Prepare, fakes: Fakes
    ) -> None:
        """No address, name, password, code or token that went in or out on the way, done or refused."""
        heard: list[str] = []

        async def listen(answer: httpx.Response) -> None:
            await answer.aread()
            for body in (answer.request.content, answer.content if answer.is_success else b""):
                heard.extend(secrets_in(json.loads(body or b"{}")))

        client.event_hooks["response"].append(listen)
        act = await prepare(written.operation_id)
        await send(client, written, act)
        await send(client, written, act)

        assert any("@" in each for each in heard)
        told = "\n".join(words_of(entry) for entry in fakes.trail.rows)
        # As a word: six digits stand in the middle of many an id.
        assert [each for each in heard if re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", told)] == []
        assert "@" not in told
