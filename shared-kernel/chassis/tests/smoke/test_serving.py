"""What a service believes of whoever connects to it."""

from __future__ import annotations

import httpx
from litestar import get
from promenade_chassis.config import AuthSettings, HttpSettings, Settings
from promenade_chassis.embedded.network import any_free_port
from promenade_chassis.http.access import public
from promenade_chassis.http.health import Readiness
from promenade_chassis.http.resources import AnyRequest
from promenade_chassis.service import serving
from promenade_chassis.testing.fakes import FakeVerifier
from tiny_service import TINY, Bench, tiny_app


@get("/caller", access=public(), operation_id="caller")
async def caller(request: AnyRequest) -> list[str]:
    """Answers from where it was called, and by which scheme."""
    return [request.client.host if request.client else "", request.scope["scheme"]]


async def test_forwarded_headers_change_nothing(bench: Bench, verifier: FakeVerifier) -> None:
    """Not even from the same machine: a connection is from where it comes, whatever it says of itself."""
    readiness = Readiness("tiny", "1", {})
    http = HttpSettings(port=any_free_port())
    settings = Settings(profile="test", auth=AuthSettings(issuer="", jwks_url=""), http=http)
    claims = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.7"}
    app = tiny_app(bench, verifier, routes=[caller], readiness=readiness, http=http)

    async with serving(app, settings, readiness), httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{http.port}{TINY}/caller", headers=claims)

    assert answer.json() == ["127.0.0.1", "http"]
