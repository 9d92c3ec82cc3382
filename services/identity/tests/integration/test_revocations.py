"""Revocations as the gateway reads them: in Redis, filled from PostgreSQL whatever is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import pytest
from identity_service import PASSWORD, active_user, working
from promenade_chassis.config import Settings
from promenade_chassis.ports import PageRequest, Principal, utc_now
from promenade_chassis.testing.polling import eventually
from promenade_identity.bootstrap import build
from promenade_identity.furniture import Engines, Rooms
from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.postgres import PostgresRevocations
from promenade_identity.revocation.redis import MARK, RedisAnnouncements
from promenade_identity.session.use_cases import Client, login, logout, logout_all
from redis.asyncio import Redis


@pytest.fixture
async def redis(redis_url: str) -> AsyncGenerator[Redis, None]:
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


async def revoke(rooms: Rooms, *revocations: Revocation) -> None:
    """Commit revocations and die before announcing them."""
    for revocation in revocations:
        async with rooms.session.unit_of_work.begin():
            await rooms.session.revocations.add(revocation)


async def keys_in(redis: Redis) -> dict[str, str]:
    names = await redis.keys("{auth}:*")
    return {name: await redis.get(name) for name in names}


async def test_logging_out_is_known_before_it_is_answered(rooms: Rooms, redis: Redis) -> None:
    """Session and epoch keys stand there, for as long as an access token lives, and the mark counts them."""
    address = await active_user(rooms)
    signed_in = await login(address, PASSWORD, client=Client(), room=rooms.session)
    session = (await rooms.session.sessions.list(signed_in.user.id, PageRequest(), utc_now())).items[0]

    await logout(principal=Principal(id=signed_in.user.id, session_id=str(session.id)), room=rooms.session)
    after_logout = await keys_in(redis)
    await logout_all(principal=Principal(id=signed_in.user.id), room=rooms.session)

    sid, epoch = f"{{auth}}:sid:{session.id}", f"{{auth}}:epoch:{signed_in.user.id}"
    assert after_logout == {MARK: "1", sid: "1"}
    assert await keys_in(redis) == {MARK: "2", sid: "1", epoch: "1"}
    assert 890 <= await redis.ttl(sid) <= 900
    assert 890 <= await redis.ttl(epoch) <= 900
    assert await redis.ttl(MARK) == -1


async def test_what_another_process_committed_is_not_skipped(rooms: Rooms, engines: Engines, redis: Redis) -> None:
    """One that died between commit and Redis left a gap; the next to announce fills it, and the mark never lies."""
    user_id, lost = uuid4(), [uuid4() for _ in range(3)]
    await revoke(rooms, *(Revocation.of_session(each, utc_now()) for each in lost))
    await revoke(rooms, *(Revocation.of_epochs_before(epoch, user_id, utc_now()) for epoch in (1, 2)))

    await engines.announcements.announce()

    expected = {f"{{auth}}:sid:{each}": "1" for each in lost}
    assert await keys_in(redis) == {MARK: "5", f"{{auth}}:epoch:{user_id}": "2", **expected}


@pytest.mark.parametrize("mark", [None, "1", "99", "rubbish"])
async def test_whatever_the_mark_says_all_comes_back(
    rooms: Rooms, engines: Engines, redis: Redis, mark: str | None
) -> None:
    """Lost, of an older copy, ahead because PostgreSQL went back, or unreadable."""
    sessions = [uuid4() for _ in range(3)]
    await revoke(rooms, *(Revocation.of_session(each, utc_now()) for each in sessions))
    await engines.announcements.announce()
    whole = await keys_in(redis)
    await redis.flushdb()
    if mark == "1":
        await redis.set(f"{{auth}}:sid:{sessions[0]}", "1", ex=900)
    if mark is not None:
        await redis.set(MARK, mark)

    await engines.announcements.announce()

    assert await keys_in(redis) == whole


async def test_expired_revocations_stay_away(rooms: Rooms, engines: Engines, redis: Redis) -> None:
    """There is nothing left that they could revoke; the mark counts them all the same."""
    now = utc_now()
    old = Revocation(Revocation.of_session(uuid4(), now).kind, str(uuid4()), 1, now)
    await revoke(rooms, old)

    await engines.announcements.announce()

    assert await keys_in(redis) == {MARK: "1"}


async def test_announcing_in_parallel_writes_everything(rooms: Rooms, engines: Engines, redis: Redis) -> None:
    """Several processes at once, and a flush in between: in the end all keys and the highest mark stand there."""
    sessions = [uuid4() for _ in range(20)]
    others = [RedisAnnouncements(redis, PostgresRevocations(engines.database)) for _ in range(3)]

    async def one(session_id: UUID, announcements: RedisAnnouncements) -> None:
        await revoke(rooms, Revocation.of_session(session_id, utc_now()))
        await announcements.announce()

    await asyncio.gather(
        *(one(session_id, [*others, engines.announcements][n % 4]) for n, session_id in enumerate(sessions)),
        redis.flushdb(),
    )
    await engines.announcements.announce()

    assert await keys_in(redis) == {MARK: "20", **{f"{{auth}}:sid:{each}": "1" for each in sessions}}


async def test_the_worker_fills_an_emptied_redis(settings: Settings, redis: Redis, rooms: Rooms) -> None:
    """After FLUSHDB mark and keys are back within a second, without anybody asking."""
    session_id = uuid4()
    await revoke(rooms, Revocation.of_session(session_id, utc_now()))
    expected = {MARK: "1", f"{{auth}}:sid:{session_id}": "1"}

    async def is_filled() -> None:
        assert await keys_in(redis) == expected

    async with working(build(settings)):
        await eventually(is_filled)
        await redis.flushdb()
        await eventually(is_filled, within=4)  # it looks three times a second; a loaded machine sees it later


async def test_logging_out_works_while_redis_is_away(rooms: Rooms, engines: Engines) -> None:
    """The truth is in PostgreSQL: the session has ended, and the worker will tell when Redis is back."""
    unreachable = RedisAnnouncements(
        Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2), PostgresRevocations(engines.database)
    )

    await revoke(rooms, Revocation.of_session(uuid4(), utc_now()))
    await unreachable.announce()

    assert await rooms.session.revocations.newest() == 1


async def test_a_fresh_service_marks_before_it_serves(settings: Settings, redis: Redis) -> None:
    """Without a mark the gateway lets nobody pass."""
    service = build(settings)
    await service.database.open()
    try:
        for start in service.on_start:
            await start()
        assert await redis.get(MARK) == "0"
    finally:
        for stop in service.on_stop:
            await stop()
        await service.database.close()
