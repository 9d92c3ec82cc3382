"""Identity's public keys: fetched when needed, remembered, and known while Identity is away."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from promenade_chassis.auth import InvalidToken, Keys
from promenade_chassis.ports import ServiceUnavailable
from promenade_chassis.testing.issuer import Issuer


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the monotonic clock on without waiting."""
    passed = 0.0
    real = time.monotonic

    def pass_time(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(time, "monotonic", lambda: real() + passed)
    return pass_time


async def test_keys_are_fetched_once_a_minute(issuer: Issuer, pass_time: Callable[[float], None]) -> None:
    """A known key costs no request until a minute has passed."""
    keys = Keys(issuer.fetch)

    await keys.get("key-1")
    await keys.get("key-1")
    before = issuer.fetches
    pass_time(60)
    await keys.get("key-1")

    assert (before, issuer.fetches) == (1, 2)


async def test_a_new_key_is_known_within_seconds(issuer: Issuer, pass_time: Callable[[float], None]) -> None:
    """After a rotation the first token with the new key fetches it."""
    keys = Keys(issuer.fetch)
    await keys.get("key-1")
    issuer.kid = "key-2"
    pass_time(5)

    assert (await keys.get("key-2")).key_id == "key-2"


async def test_unknown_keys_cannot_be_used_to_flood_identity(issuer: Issuer) -> None:
    """However many tokens name keys that do not exist, Identity is asked once in five seconds."""
    keys = Keys(issuer.fetch)
    await keys.get("key-1")

    for number in range(50):
        with pytest.raises(InvalidToken):
            await keys.get(f"unknown-{number}")

    assert issuer.fetches == 1


async def test_a_removed_key_stops_counting(issuer: Issuer, pass_time: Callable[[float], None]) -> None:
    """What Identity no longer publishes is no longer trusted after the next refresh."""
    keys = Keys(issuer.fetch)
    await keys.get("key-1")
    issuer.kid = "key-2"
    pass_time(60)

    with pytest.raises(InvalidToken):
        await keys.get("key-1")


async def test_known_keys_serve_while_identity_is_away(issuer: Issuer, pass_time: Callable[[float], None]) -> None:
    """A refresh that fails keeps what is known, and is not tried with every request."""
    keys = Keys(issuer.fetch)
    await keys.get("key-1")
    issuer.away = True
    pass_time(3600)

    for _ in range(10):
        assert (await keys.get("key-1")).key_id == "key-1"

    assert issuer.fetches == 2


async def test_without_any_key_nobody_is_refused_for_good(issuer: Issuer) -> None:
    """No keys is a 503 and not a 401: the token may well be good."""
    issuer.away = True

    with pytest.raises(ServiceUnavailable) as refusal:
        await Keys(issuer.fetch).get("key-1")

    assert refusal.value.headers["Retry-After"] == "1"


async def test_whoever_comes_while_keys_are_fetched_waits_for_that_alone() -> None:
    """Identity hangs and nothing is known: ten requests wait as long as one, and not one after the other."""
    fetches = 0
    hangs = asyncio.Event()

    async def fetch() -> dict[str, Any]:
        nonlocal fetches
        fetches += 1
        await hangs.wait()
        raise TimeoutError

    keys = Keys(fetch)
    first = asyncio.create_task(keys.get("key-1"))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(keys.get("key-1")) for _ in range(9)]
    await asyncio.sleep(0.01)
    hangs.set()

    answers = await asyncio.gather(first, *others, return_exceptions=True)

    assert {type(answer) for answer in answers} == {ServiceUnavailable}
    assert fetches == 1


async def test_the_last_good_copy_survives_a_restart(issuer: Issuer, tmp_path: Path) -> None:
    """A service starts and verifies while Identity is away."""
    copy = tmp_path / "keys" / "jwks.json"
    await Keys(issuer.fetch, cache=copy).get("key-1")
    issuer.away = True

    again = Keys(issuer.fetch, cache=copy)

    assert (await again.get("key-1")).key_id == "key-1"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"keys": 1}', '{"keys": [{"kty": "OKP"}]}', "\udcff"])
async def test_a_broken_copy_does_not_stop_the_start(issuer: Issuer, tmp_path: Path, text: str) -> None:
    """A copy that cannot be read is as good as none."""
    copy = tmp_path / "jwks.json"
    copy.write_bytes(text.encode("utf-8", "surrogateescape"))

    keys = Keys(issuer.fetch, cache=copy)

    assert (await keys.get("key-1")).key_id == "key-1"


OTHER_KEYS: list[tuple[str, dict[str, Any]]] = [
    ("RSA", {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}),
    ("symmetric", {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}),
]


@pytest.mark.parametrize("other", [pytest.param(jwk, id=name) for name, jwk in OTHER_KEYS])
async def test_keys_of_other_kinds_are_left_out(issuer: Issuer, other: dict[str, Any]) -> None:
    """A key set may hold keys for other purposes; they verify nothing here."""

    async def fetch() -> dict[str, Any]:
        return {"keys": [other, issuer.jwk()]}

    keys = Keys(fetch)

    assert (await keys.get("key-1")).key_id == "key-1"
    with pytest.raises(InvalidToken):
        await keys.get(other["kid"])


@pytest.mark.parametrize(
    "answer", ["[]", "null", '"x"', '{"keys": null}', '{"keys": [1]}', '{"keys": [{"kty": "OKP"}]}']
)
async def test_an_answer_that_is_no_key_set_changes_nothing(
    issuer: Issuer, pass_time: Callable[[float], None], answer: str
) -> None:
    """Rubbish where the keys should be counts as Identity being away."""
    broken = False

    async def fetch() -> Any:
        return json.loads(answer) if broken else await issuer.fetch()

    keys = Keys(fetch)
    await keys.get("key-1")
    broken = True
    pass_time(60)

    assert (await keys.get("key-1")).key_id == "key-1"
