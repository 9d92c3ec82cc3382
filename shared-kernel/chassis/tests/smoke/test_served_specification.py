"""The specification as a process serves it."""

from __future__ import annotations

import json

import httpx
import pytest
from promenade_chassis.http import openapi
from promenade_chassis.http.openapi import openapi_document
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from tiny_service import Bench, tiny_app


async def test_the_specification_is_made_once(
    bench: Bench, verifier: FakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody may ask for it, and making it stops a service for as long as fifty requests take."""
    made: list[object] = []
    app = tiny_app(bench, verifier)
    document = openapi_document(app)
    monkeypatch.setattr(openapi, "openapi_document", lambda app: made.append(app) or document)

    async with client_of(app) as client:
        answers = [await client.get("/openapi.json") for _ in range(3)]

    assert made == [app]
    assert [_read(answer) for answer in answers] == [json.loads(json.dumps(document))] * 3


def _read(answer: httpx.Response) -> object:
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()
