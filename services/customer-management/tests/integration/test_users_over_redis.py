"""Identity's facts over a real Redis, handled by the service's own worker."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from customer_rooms import fresh_email, real_room, sample, timeline_of
from promenade_chassis.config import AuthSettings, DatabaseSettings, HttpSettings, RedisSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.service import run
from promenade_chassis.testing.events import sealed
from promenade_chassis.testing.polling import eventually
from promenade_customer_management.bootstrap import build
from promenade_customer_management.customer.entity import UserStatus
from promenade_kernel.events import identity
from promenade_kernel.events.envelope import stream_of
from redis.asyncio import Redis


async def test_a_users_facts_reach_his_customer(database: Database, database_url: str, redis_url: str) -> None:
    """The contact and the profile come before the user they belong to, and everything twice: each has one effect."""
    user_id, profile_id, contact_id, email = uuid4(), uuid4(), uuid4(), fresh_email()
    profile = sample(identity.ProfileUpdated, user_id=user_id, profile_id=profile_id)
    of_user = [
        sample(identity.UserRegistered, user_id=user_id, email=email, display_name="Eve"),
        sample(identity.UserActivated, user_id=user_id, email=email),
        sample(identity.UserSuspended, user_id=user_id),
        sample(identity.UserReinstated, user_id=user_id),
        sample(identity.UserDeleted, user_id=user_id),
        sample(identity.UserRestored, user_id=user_id, status="suspended"),
    ]
    of_contact = [
        sample(identity.ContactVerified, user_id=user_id, contact_id=contact_id, is_primary=False),
        sample(identity.ContactMadePrimary, user_id=user_id, contact_id=contact_id),
    ]
    facts = [
        *(sealed(event, subject=contact_id, sequence=number) for number, event in enumerate(of_contact, 1)),
        sealed(profile, subject=profile_id),
        *(sealed(event, subject=user_id, sequence=number) for number, event in enumerate(of_user, 1)),
    ]
    redis: Any = Redis.from_url(redis_url)
    for envelope in (*facts, *facts):
        await redis.xadd(stream_of("identity"), {"e": envelope.encode()})
    service, stopping = build(settings_of(database_url, redis_url)), asyncio.Event()
    task = asyncio.create_task(run([service], stopping=stopping))
    room = real_room(database)

    async def is_told() -> None:
        customer = await room.customers.of_user(user_id)
        assert customer is not None
        assert (customer.name, customer.email, customer.timezone) == (profile.display_name, email, profile.timezone)
        assert (customer.phone, customer.user_status) == (of_contact[1].value, UserStatus.SUSPENDED)
        async with database.reading_connection() as connection:
            done = await (await connection.execute("SELECT count(*) AS n FROM inbox")).fetchone()
        assert done == {"n": len(facts)}
        pending = await redis.xpending(stream_of("identity"), "customer-management")
        assert pending["pending"] == 0

    await eventually(is_told, within=20)
    stopping.set()
    await task
    await redis.aclose()

    customer = await room.customers.of_user(user_id)
    assert customer is not None
    kinds = await timeline_of(room, customer.id)
    assert [kind for kind in kinds if kind.startswith("user.") and kind != "user.told"] == [
        *("user.suspended", "user.active", "user.deleted", "user.suspended")
    ]
    async with database.reading_connection() as connection:
        assert await (await connection.execute("SELECT * FROM dead_letter")).fetchall() == []


def settings_of(database_url: str, redis_url: str) -> Settings:
    return Settings(
        profile="test",
        auth=AuthSettings(issuer="https://promenade.example.com", jwks_url=""),
        http=HttpSettings(port=0, shutdown_seconds=5),
        database=DatabaseSettings(url=database_url),
        redis=RedisSettings(url=redis_url),
    )
