"""Health: whether the process lives, and whether it can work."""

from __future__ import annotations

import asyncio

import pytest
from promenade_chassis.http import health
from promenade_chassis.http.health import Readiness
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from tiny_service import Bench, tiny_app


async def good() -> bool:
    return True


async def bad() -> bool:
    return False


async def broken() -> bool:
    raise OSError("connection to 10.0.0.7 refused")


async def hanging() -> bool:
    await asyncio.Event().wait()
    return True


async def ask(readiness: Readiness, path: str, bench: Bench, verifier: FakeVerifier) -> tuple[int, dict[str, object]]:
    async with client_of(tiny_app(bench, verifier, readiness=readiness)) as client:
        answer = await client.get(path)
        return answer.status_code, answer.json()


async def test_a_service_is_ready_when_all_its_checks_are(bench: Bench, verifier: FakeVerifier) -> None:
    """200 with one line a check."""
    readiness = Readiness("tiny", "1.2", {"database": good, "redis": good})

    assert await ask(readiness, "/health/ready", bench, verifier) == (
        200,
        {"name": "tiny", "version": "1.2", "ready": True, "checks": {"database": True, "redis": True}},
    )


@pytest.mark.parametrize("check", [bad, broken, hanging])
async def test_a_service_is_not_ready_when_one_check_fails(
    bench: Bench, verifier: FakeVerifier, monkeypatch: pytest.MonkeyPatch, check: health.Callable[..., object]
) -> None:
    """False, an error and no answer in time are the same; the others are still told, and nothing leaks."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    readiness = Readiness("tiny", "1", {"database": check, "redis": good})  # type: ignore[dict-item]

    status, report = await ask(readiness, "/health/ready", bench, verifier)

    assert status == 503
    assert report == {"name": "tiny", "version": "1", "ready": False, "checks": {"database": False, "redis": True}}


async def test_a_draining_service_is_alive_and_not_ready(bench: Bench, verifier: FakeVerifier) -> None:
    """While it finishes its work it should get no more."""
    readiness = Readiness("tiny", "1", {"database": good})
    readiness.draining = True

    assert (await ask(readiness, "/health/ready", bench, verifier))[0] == 503
    assert await ask(readiness, "/health/live", bench, verifier) == (200, {"status": "ok"})


async def test_a_service_is_alive_without_its_dependencies(bench: Bench, verifier: FakeVerifier) -> None:
    """Restarting a process does not bring its database back."""
    readiness = Readiness("tiny", "1", {"database": broken})

    assert (await ask(readiness, "/health/live", bench, verifier))[0] == 200
