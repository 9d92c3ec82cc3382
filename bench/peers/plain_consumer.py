"""A consumer as one would write it plainly: read an entry, one transaction with inbox and effect, acknowledge.

Four of them share the group, as ours has four lanes. Unlike ours they keep no order and make nothing good.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from consuming import all_acknowledged, assert_effects, prepared, put_teas
from engines import Rig
from facts import CAUSE, CONSUMER, STREAM
from measure import Reading
from promenade_chassis import outbox
from promenade_kernel.events.envelope import Envelope, seal
from promenade_kernel.events.identity import UserReinstated
from psycopg.rows import dict_row
from redis.asyncio import Redis

EVENTS, CONSUMERS = 2_000, 4
_INBOX = "INSERT INTO inbox (event_id, reaction) VALUES (%s, 'plain') ON CONFLICT DO NOTHING"
_EFFECT = "INSERT INTO effect (event_id, subject, sequence) VALUES (%s, %s, %s)"
_LOAD = "SELECT * FROM tea WHERE id = %s FOR UPDATE"
_SAVE = """
UPDATE tea SET version = version + 1, last_sequence = last_sequence + 1, cups = cups - 1, updated_at = now()
WHERE id = %s AND version = %s
"""

Work = Callable[[Any, Envelope], Awaitable[None]]


async def effects(rig: Rig) -> Reading:
    """One effect row an event."""

    async def work(connection: Any, envelope: Envelope) -> None:
        await connection.execute(_EFFECT, [envelope.id, envelope.subject, envelope.sequence])

    return await _run(rig, work, poured=False)


async def pouring(rig: Rig) -> Reading:
    """Load the aggregate, apply the rule, write it with its event."""

    async def work(connection: Any, envelope: Envelope) -> None:
        tea = await (await connection.execute(_LOAD, [envelope.subject])).fetchone()
        assert tea["cups"] > 0
        await connection.execute(_SAVE, [tea["id"], tea["version"]])
        event = UserReinstated(user_id=tea["id"])
        await outbox.append(
            connection, [seal(event, subject=tea["id"], sequence=tea["last_sequence"] + 1, cause=CAUSE)]
        )

    return await _run(rig, work, poured=True)


async def _run(rig: Rig, work: Work, *, poured: bool) -> Reading:
    redis, envelopes = prepared(rig, EVENTS)
    async with rig.database(2) as database:
        await put_teas(database, envelopes)
    rig.checkpoint()
    redis.xgroup_create(STREAM, CONSUMER, "0")
    started = time.perf_counter()
    consumers = [asyncio.create_task(_consume(rig, f"c{number}", work)) for number in range(CONSUMERS)]
    await asyncio.gather(*consumers)
    await all_acknowledged(redis)
    seconds = time.perf_counter() - started
    assert_effects(rig, EVENTS, poured=poured, ordered=False)
    return Reading(EVENTS / seconds)


async def _consume(rig: Rig, name: str, work: Work) -> None:
    client = Redis.from_url(rig.redis_url, protocol=2)
    connection = await psycopg.AsyncConnection.connect(rig.database_url, autocommit=True, row_factory=dict_row)
    async with client, connection:
        while answer := await client.xreadgroup(CONSUMER, name, {STREAM: ">"}, count=1):
            [(entry_id, fields)] = answer[0][1]
            envelope = Envelope.decode(fields[b"e"])
            envelope.open()
            async with connection.transaction():
                if (await connection.execute(_INBOX, [envelope.id])).rowcount:
                    await work(connection, envelope)
            await client.xack(STREAM, CONSUMER, entry_id)
