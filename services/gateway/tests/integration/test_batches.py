"""Many requests share one question to Redis, and each hears its own answer."""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import pytest
import redis.asyncio
from gateway_rig import commands_to
from promenade_chassis.auth import AccessToken
from promenade_chassis.ports import Principal
from promenade_chassis.testing.polling import stretched
from promenade_chassis.testing.tcp_proxy import proxied
from promenade_gateway.admission import MOST_AT_ONCE, RedisAdmission, RedisAway, Standing
from promenade_gateway.limits import Bucket, Limits, Policy
from promenade_kernel.values.ids import new_id

DAY = 86_400_000_000


@pytest.fixture
async def admission(redis_url: str) -> AsyncGenerator[RedisAdmission, None]:
    asking = RedisAdmission(redis_url, seconds=5)
    yield asking
    await asking.close()


def a_token(epoch: int = 3) -> AccessToken:
    principal = Principal(id=new_id(), permissions=frozenset(), roles=(), session_id=str(new_id()))
    return AccessToken(principal, str(new_id()), principal.session_id, epoch, 0, 2**40)


def a_bucket(burst: int) -> Bucket:
    return Bucket(Policy("test", burst, DAY), f"{{rate}}:test:{new_id()}")


async def test_what_comes_together_goes_together(admission: RedisAdmission, store: redis.asyncio.Redis) -> None:
    """One pair of commands for all that come in one turn, and as many more as it takes for a crowd."""
    buckets = Limits().for_principal("p")
    await admission.ask(a_token(), buckets)  # the script is known from here on

    async with commands_to(store) as few:
        await asyncio.gather(*(admission.ask(a_token(), buckets) for _ in range(MOST_AT_ONCE)))
    async with commands_to(store) as many:
        await asyncio.gather(*(admission.ask(a_token(), buckets) for _ in range(2 * MOST_AT_ONCE + 1)))

    assert (few["MGET"], few["EVALSHA"]) == (1, 1)
    assert (many["MGET"], many["EVALSHA"]) == (3, 3)


async def test_each_hears_its_own_answer(admission: RedisAdmission, store: redis.asyncio.Redis) -> None:
    """Strangers, the revoked, the stale and the good, with one bucket or two, empty or full, in one batch."""
    revoked, ended, stale, good = a_token(), a_token(), a_token(), a_token()
    await store.set(f"{{auth}}:jti:{revoked.jti}", 1)
    await store.set(f"{{auth}}:sid:{ended.session_id}", 1)
    await store.set(f"{{auth}}:epoch:{stale.subject}", 4)
    once = a_bucket(1)
    asked = [
        (None, (a_bucket(5),)),
        (revoked, (a_bucket(1),)),
        (good, (once, a_bucket(9))),
        (None, (a_bucket(7), once)),
        (stale, (a_bucket(3), a_bucket(4))),
        (ended, (a_bucket(1),)),
        (good, (a_bucket(2),)),
    ]

    verdicts = await asyncio.gather(*(admission.ask(token, buckets) for token, buckets in asked))

    assert [verdict.standing.name for verdict in verdicts] == [
        "GOOD",
        "REVOKED",
        "GOOD",
        "GOOD",
        "STALE",
        "REVOKED",
        "GOOD",
    ]
    assert [verdict.draw.allowed for verdict in verdicts] == [True, True, True, False, True, True, True]
    assert verdicts[4].draw.header == '"test";r=2;t=86400, "test";r=3;t=86400'
    assert verdicts[6].draw.header == '"test";r=1;t=86400'


@pytest.mark.parametrize("turns", range(1, 6))
async def test_one_that_leaves_takes_nobody_along(redis_url: str, store: redis.asyncio.Redis, turns: int) -> None:
    """Clients leave before Redis is asked and while it is; it answers when they are gone."""
    async with proxied(urlsplit(redis_url).port or 0) as way:
        asking = RedisAdmission(way.url(redis_url), seconds=stretched(5))
        await asking.ask(None, (a_bucket(1),))  # connected from here on
        way.cut()
        tasks = [asyncio.ensure_future(asking.ask(a_token(), (a_bucket(1),))) for _ in range(10)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        way.heal()

        found = await asyncio.gather(*tasks, return_exceptions=True)
        await asking.close()

    assert [isinstance(each, asyncio.CancelledError) for each in found] == [True, False] * 5
    assert all(verdict.standing is Standing.GOOD for verdict in found[1::2])  # type: ignore[union-attr]  # verdicts


async def test_a_redis_that_hangs_lets_nobody_pass_and_nobody_wait(redis_url: str) -> None:
    """Whoever asks hears in time that it is away, and is answered again when it is back."""
    async with proxied(urlsplit(redis_url).port or 0) as way:
        asking = RedisAdmission(way.url(redis_url), seconds=stretched(1))
        await asking.ask(None, (a_bucket(1),))
        way.cut()
        for _ in range(2):
            with pytest.raises(RedisAway):
                async with asyncio.timeout(stretched(5)):
                    await asking.ask(a_token(), (a_bucket(1),))
        way.heal()

        verdict = await asking.ask(None, (a_bucket(1),))
        await asking.close()

    assert verdict.draw.allowed


async def test_a_connection_that_was_reset_is_replaced_within_the_request(redis_url: str) -> None:
    """Firewalls forget idle connections."""
    async with proxied(urlsplit(redis_url).port or 0) as way:
        asking = RedisAdmission(way.url(redis_url), seconds=stretched(2))
        await asking.ask(None, (a_bucket(1),))
        for _ in range(5):
            way.reset()
            assert (await asking.ask(None, (a_bucket(1),))).draw.allowed
        await asking.close()
