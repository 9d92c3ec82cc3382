"""Tokens that stop counting before they expire, as Identity says it in Redis."""

from typing import Any

import pytest
import redis.asyncio
from gateway_rig import Mint, commands_to, echo, upstream
from promenade_kernel.values.ids import new_id

ME = "/api/v1/identity/me"
PLANS = "/api/v1/billing/plans"


async def test_a_redis_that_was_never_there_lets_nobody_in(gateway: Any, mint: Mint) -> None:
    """Nor does it keep strangers out."""
    away = {"redis_url": "redis://127.0.0.1:1/0"}
    async with upstream(echo) as url, gateway({"identity": url, "billing": url}, **away) as client:
        signed_in = [await client.get(path, headers=mint.bearer()) for path in (ME, PLANS)]
        strangers = [await client.get(path) for path in (ME, PLANS)]

    assert [answer.status_code for answer in signed_in] == [503, 503]
    assert [answer.status_code for answer in strangers] == [401, 200]


async def test_a_good_token_passes(gateway: Any, mint: Mint, store: redis.asyncio.Redis) -> None:
    """Revocations of others do not touch it."""
    await store.mset({f"{{auth}}:{kind}:{new_id()}": 9 for kind in ("jti", "sid", "epoch")})
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        answer = await client.get(ME, headers=mint.bearer())

    assert answer.status_code == 200


@pytest.mark.parametrize("kind", ["jti", "sid"])
async def test_a_revoked_token_is_refused(gateway: Any, mint: Mint, store: redis.asyncio.Redis, kind: str) -> None:
    """By itself or with its whole session, from the next request on."""
    name = str(new_id())
    headers = mint.bearer(**{kind: name})
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        before = await client.get(ME, headers=headers)
        await store.set(f"{{auth}}:{kind}:{name}", 1)
        after = await client.get(ME, headers=headers)

    assert before.status_code == 200
    assert (after.status_code, after.json()["code"]) == (401, "token-revoked")


@pytest.mark.parametrize(("epoch", "status"), [(3, 401), (4, 200), (5, 200)])
async def test_an_older_epoch_is_stale(
    gateway: Any, mint: Mint, store: redis.asyncio.Redis, epoch: int, status: int
) -> None:
    """The value is the lowest epoch that still counts."""
    user = new_id()
    await store.set(f"{{auth}}:epoch:{user}", 4)
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        answer = await client.get(ME, headers=mint.bearer(user, epoch=epoch))

    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "token-stale"


async def test_without_the_mark_nothing_signed_in_passes(gateway: Any, mint: Mint, store: redis.asyncio.Redis) -> None:
    """A Redis that lost its memory does not know who is revoked; strangers never depended on it."""
    async with upstream(echo) as url, gateway({"identity": url, "billing": url}) as client:
        await store.flushdb()
        signed_in = await client.get(ME, headers=mint.bearer())
        stranger = await client.get("/api/v1/billing/plans")
        await store.set("{auth}:mark", 17)
        again = await client.get(ME, headers=mint.bearer())

    assert (signed_in.status_code, signed_in.headers["Retry-After"]) == (503, "1")
    assert stranger.status_code == 200
    assert again.status_code == 200


async def test_without_the_mark_no_setting_lets_anybody_pass(
    gateway: Any, mint: Mint, store: redis.asyncio.Redis
) -> None:
    """`when_redis_is_away: pass` is about a Redis that is away, not about one that forgot."""
    await store.flushdb()
    async with upstream(echo) as url, gateway({"identity": url}, when_redis_is_away="pass") as client:
        answer = await client.get(ME, headers=mint.bearer())

    assert answer.status_code == 503


async def test_one_request_is_one_round_trip(gateway: Any, mint: Mint, store: redis.asyncio.Redis) -> None:
    """Revocation, epoch and limit travel together: two commands, sent at once."""
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        await client.get(ME, headers=mint.bearer())  # the script is known from here on
        async with commands_to(store) as counts:
            await client.get(ME, headers=mint.bearer())

    assert (counts["MGET"], counts["EVALSHA"]) == (1, 1)
    assert "EVAL" not in counts
