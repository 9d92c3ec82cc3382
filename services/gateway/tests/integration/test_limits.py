"""The token bucket on a real Redis, through one gateway and through two."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import redis.asyncio
from gateway_rig import Mint, echo, upstream
from promenade_gateway.admission import RedisAdmission
from promenade_gateway.limits import MICROSECONDS, Bucket, Limits, Policy
from promenade_gateway.token_bucket import Draw
from promenade_kernel.values.ids import new_id

DAY = 86_400 * MICROSECONDS
AUTH = "/api/v1/identity/auth"


@pytest.fixture
async def admission(redis_url: str) -> AsyncGenerator[RedisAdmission, None]:
    asking = RedisAdmission(redis_url, seconds=5)
    yield asking
    await asking.close()


def a_bucket(burst: int, interval: int, name: str = "test") -> Bucket:
    return Bucket(Policy(name, burst, interval), f"{{rate}}:{name}:{new_id()}")


async def draws(admission: RedisAdmission, times: int, *buckets: Bucket) -> list[Draw]:
    return [(await admission.ask(None, buckets)).draw for _ in range(times)]


async def test_a_full_bucket_gives_its_burst_and_no_more(admission: RedisAdmission) -> None:
    """Exactly, and says what is left."""
    drawn = await draws(admission, 7, a_bucket(5, DAY))

    assert [draw.allowed for draw in drawn] == [True] * 5 + [False] * 2
    assert [draw.header.split(";")[1] for draw in drawn] == ["r=4", "r=3", "r=2", "r=1", "r=0", "r=0", "r=0"]
    assert 86_390 <= drawn[-1].retry_after <= 86_400


async def test_many_at_once_get_no_more(admission: RedisAdmission) -> None:
    """Drawing is one step in Redis."""
    bucket = a_bucket(40, DAY)

    verdicts = await asyncio.gather(*(admission.ask(None, [bucket]) for _ in range(100)))

    assert sum(verdict.draw.allowed for verdict in verdicts) == 40


async def test_a_token_comes_back_after_its_interval(admission: RedisAdmission, store: redis.asyncio.Redis) -> None:
    """Time is moved by moving the bucket, not by waiting."""
    bucket = a_bucket(3, DAY)
    await draws(admission, 4, bucket)

    await moved(store, bucket, DAY)
    drawn = await draws(admission, 2, bucket)

    assert [draw.allowed for draw in drawn] == [True, False]


async def test_a_bucket_never_holds_more_than_its_burst(admission: RedisAdmission, store: redis.asyncio.Redis) -> None:
    """However long nobody came."""
    bucket = a_bucket(3, DAY)
    await draws(admission, 3, bucket)

    await moved(store, bucket, 50 * DAY)
    drawn = await draws(admission, 4, bucket)

    assert [draw.allowed for draw in drawn] == [True] * 3 + [False]


async def test_a_clock_set_back_does_not_lock_anybody_out(
    admission: RedisAdmission, store: redis.asyncio.Redis
) -> None:
    """A bucket is never emptier than empty."""
    bucket = a_bucket(3, MICROSECONDS)
    await draws(admission, 1, bucket)

    await moved(store, bucket, -50 * DAY)
    (draw,) = await draws(admission, 1, bucket)

    assert (draw.allowed, draw.retry_after) == (False, 1)


async def test_a_bucket_is_forgotten_when_it_is_full_again(
    admission: RedisAdmission, store: redis.asyncio.Redis
) -> None:
    """Redis holds only those in use."""
    bucket = a_bucket(3, 10 * MICROSECONDS)

    await draws(admission, 2, bucket)

    assert 12_000 < await store.pttl(bucket.key) <= 20_001


async def test_of_two_buckets_both_give_or_neither(admission: RedisAdmission) -> None:
    """What one refuses costs the other nothing."""
    small, large = a_bucket(1, DAY, "small"), a_bucket(3, DAY, "large")

    await draws(admission, 3, small, large)
    drawn = await draws(admission, 3, large)

    assert [draw.allowed for draw in drawn] == [True, True, False]


async def moved(store: redis.asyncio.Redis, bucket: Bucket, by: int) -> None:
    """As if so many microseconds had passed."""
    value = await store.get(bucket.key)
    assert value is not None
    await store.set(bucket.key, int(value) - by)


async def statuses(*requests: Any) -> Counter[int]:
    return Counter(answer.status_code for answer in await asyncio.gather(*requests))


async def test_limits_hold_across_two_gateways(gateway: Any, mint: Mint, store: redis.asyncio.Redis) -> None:
    """60 at once for a stranger, whichever door he knocks at; what trickles in meanwhile is one in 50 ms."""
    async with upstream(echo) as url, gateway({"billing": url}) as one, gateway({"billing": url}) as other:
        clock = asyncio.get_running_loop().time
        began = clock()
        found = await statuses(*(door.get("/api/v1/billing/plans") for door in (one, other) for _ in range(60)))
        took = clock() - began

    assert set(found) == {200, 429}
    assert 60 <= found[200] <= 60 + took * 20 + 1


async def test_a_burst_is_300_for_a_principal(admission: RedisAdmission) -> None:
    """What comes back meanwhile is one in 10 ms."""
    clock = asyncio.get_running_loop().time
    buckets = Limits().for_principal(str(new_id()))
    began = clock()
    verdicts = await asyncio.gather(*(admission.ask(None, buckets) for _ in range(700)))
    took = clock() - began

    assert 300 <= sum(verdict.draw.allowed for verdict in verdicts) <= 300 + took * 100 + 1


async def test_principals_do_not_share(gateway: Any, mint: Mint, store: redis.asyncio.Redis) -> None:
    """Each has his own bucket, and none of them is the address's."""
    async with upstream(echo) as url, gateway({"identity": url, "billing": url}) as client:
        answers = [await client.get("/api/v1/identity/me", headers=mint.bearer()) for _ in range(2)]
        stranger = await client.get("/api/v1/billing/plans")

    assert [answer.headers["RateLimit"] for answer in answers] == ['"principal";r=299;t=1'] * 2
    assert stranger.headers["RateLimit"] == '"address";r=59;t=1'


@pytest.mark.parametrize(
    ("route", "wait"),
    [
        ("register", 360),
        ("password/forgot", 360),
        ("resend-verification", 360),
        ("login", 6),
        ("verify-email", 6),
        ("password/reset", 6),
    ],
)
async def test_an_account_has_ten_tries(gateway: Any, store: redis.asyncio.Redis, route: str, wait: int) -> None:
    """In any spelling, across two gateways; another account still has its own."""
    async with upstream(echo) as url, gateway({"identity": url}) as one, gateway({"identity": url}) as other:
        spellings = ["ada@example.com", "ADA@example.com"]
        tries = [await (one, other)[i % 2].post(f"{AUTH}/{route}", json={"email": spellings[i % 2]}) for i in range(11)]
        someone_else = await one.post(f"{AUTH}/{route}", json={"email": "bob@example.com"})

    assert [answer.status_code for answer in tries] == [200] * 10 + [429]
    assert wait - 5 <= int(tries[-1].headers["Retry-After"]) <= wait
    assert someone_else.status_code == 200
    assert tries[0].headers["RateLimit-Policy"].startswith('"account";q=10;w=')


@pytest.mark.parametrize("route", ["register", "refresh"])
async def test_an_address_has_sixty(gateway: Any, store: redis.asyncio.Redis, route: str) -> None:
    """However many accounts it names."""
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        clock = asyncio.get_running_loop().time
        began = clock()
        found = await statuses(
            *(client.post(f"{AUTH}/{route}", json={"email": f"u{i}@example.com"}) for i in range(70))
        )
        trickled = (clock() - began) / (60 if route == "register" else 1)

    assert 60 <= found[200] <= 60 + trickled + 1
    assert found[200] + found[429] == 70


async def test_the_factor_opens_the_door_wider(gateway: Any, store: redis.asyncio.Redis) -> None:
    """As on a developer's machine."""
    async with upstream(echo) as url, gateway({"billing": url}, rate_limit_factor=1000) as client:
        found = await statuses(*(client.get("/api/v1/billing/plans") for _ in range(100)))

    assert found == {200: 100}


async def test_no_address_stands_in_redis(gateway: Any, store: redis.asyncio.Redis) -> None:
    """Accounts are counted under keys that tell nobody who they are."""
    async with upstream(echo) as url, gateway({"identity": url}) as client:
        await client.post(f"{AUTH}/login", json={"email": "ada@example.com"})

    keys = [key async for key in store.scan_iter("{rate}:*")]
    assert len(keys) == 2
    assert "ada@" not in str(keys)
