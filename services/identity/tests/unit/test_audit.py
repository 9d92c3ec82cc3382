"""What stands around the application: what it takes down of a refusal, and what it does not let wait for it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from identity_fakes_audit import RecordingTrail
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.audit import http
from promenade_identity.audit.entity import Action, Entry, concerns
from promenade_identity.audit.http import Refusals
from promenade_identity.audit.use_cases import AuditRoom

USER = uuid4()


def scope_of(**path: object) -> Any:
    handler = SimpleNamespace(operation_id="suspend_user", status_code=200)
    return {
        "type": "http",
        "method": "POST",
        "headers": [],
        "route_handler": handler,
        "path_params": path,
        "state": {"refused_as": "not-found"},
    }


async def answer(trail: RecordingTrail, scope: Any, *, status: int = 404, whom: str | None = None) -> list[int]:
    """Answer a request so; the statuses that were sent."""
    sent: list[int] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        if whom is not None:
            concerns(whom)
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def receive() -> Any:
        raise NotImplementedError

    async def send(message: Any) -> None:
        sent.append(message["status"])

    room = AuditRoom(trail.unit_of_work, trail)
    await Refusals(app, actions={"suspend_user": Action.SUSPEND_USER}, room=room)(scope, receive, send)
    return sent


@pytest.fixture
def trail() -> RecordingTrail:
    """An empty one."""
    return RecordingTrail(InMemoryUnitOfWork())


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ({"user_id": USER}, str(USER)),
        ({"name": "tea-master"}, "tea-master"),
        ({"name": "ada@example.com"}, None),
        ({"name": "Ada Lovelace"}, None),
        ({"name": "x" * 65}, None),
        ({"session_id": USER}, None),
        ({}, None),
    ],
    ids=["user", "role", "address", "words", "long", "session", "none"],
)
async def test_the_path_names_the_subject(trail: RecordingTrail, path: dict[str, object], subject: str | None) -> None:
    """A user or a role; what is no name of one might be anything, so it is not kept."""
    await answer(trail, scope_of(**path))

    assert [(entry.action, entry.outcome, entry.subject) for entry in trail.rows] == [
        ("user.suspend", "not-found", subject)
    ]


async def test_what_a_use_case_has_found_out_goes_before_the_path(trail: RecordingTrail) -> None:
    """And it is forgotten with the request."""
    await answer(trail, scope_of(user_id=USER), whom="tea-master")
    await answer(trail, scope_of(user_id=USER))

    assert [entry.subject for entry in trail.rows] == ["tea-master", str(USER)]


@pytest.mark.parametrize("status", [404, 503])
async def test_a_refusal_does_not_wait_for_ever(
    trail: RecordingTrail, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its entry cannot be written it goes out without."""

    async def hang(_: Entry) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(trail, "add", hang)
    monkeypatch.setattr(http, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(http, "PATIENCE_WHEN_AWAY_SECONDS", 0.01)

    async with asyncio.timeout(5):
        assert await answer(trail, scope_of(user_id=USER), status=status) == [status]


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_what_is_done_is_not_the_business_of_the_hook(trail: RecordingTrail, status: int) -> None:
    """The use case has taken it down."""
    assert await answer(trail, scope_of(), status=status) == [status]
    assert trail.rows == []
