"""What is the Redis bus' own: groups, pending entries, claims, what is undecodable."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.scripts import dismiss_consumer
from promenade_chassis.testing.bus_rig import CONTEXT, QUICK, BusRig, PostgresBookkeeping, history
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.tcp_proxy import proxied
from promenade_kernel.events.envelope import Envelope

STREAM = "promenade.identity"
MakeRig = Callable[..., BusRig]


async def append(link: RedisLink, *envelopes: Envelope) -> None:
    """Put events on the stream."""
    for envelope in envelopes:
        await link.call("XADD", STREAM, "*", "e", envelope.encode())


async def take_as(link: RedisLink, consumer: str, count: int) -> None:
    """Read entries as a consumer that then dies."""
    await link.call("XREADGROUP", "GROUP", CONTEXT, consumer, "COUNT", count, "STREAMS", STREAM, ">")


async def pending(link: RedisLink) -> int:
    """How many entries the group has not acknowledged."""
    return (await link.call("XPENDING", STREAM, CONTEXT))[0]


async def consumers(link: RedisLink) -> list[bytes]:
    """The names of the group's consumers."""
    return [fields[1] for fields in await link.call("XINFO", "CONSUMERS", STREAM, CONTEXT)]


async def test_what_was_there_before_the_group_is_delivered(link: RedisLink, rigs: MakeRig):
    """The group begins at the beginning of the stream."""
    facts = history(3)
    await append(link, *facts)
    rig = rigs()

    await rig.start()

    await eventually(lambda: _acted(rig, facts, [1, 2, 3]))
    await eventually(lambda: _all_acknowledged(link))


async def test_own_pending_entries_are_taken_up_at_start(link: RedisLink, rigs: MakeRig):
    """A replica that died before acknowledging finishes at once after its restart, in order, before what is new."""
    facts = history(4)
    await append(link, *facts)
    await link.call("XGROUP", "CREATE", STREAM, CONTEXT, "0")
    await take_as(link, "one", 2)
    rig = rigs("one")

    await rig.start()

    await eventually(lambda: _acted(rig, facts, [1, 2, 3, 4]))
    await eventually(lambda: _all_acknowledged(link))


async def test_what_a_dead_replica_left_is_claimed_and_comes_in_order(link: RedisLink, rigs: MakeRig):
    """Also the beginning of a subject's history, for which the next event waits longer than for a past that is lost."""
    facts = history(3)
    await append(link, *facts)
    await link.call("XGROUP", "CREATE", STREAM, CONTEXT, "0")
    await take_as(link, "dead", 1)
    rig = rigs("alive", claim_after=1.0)

    await rig.start()

    await eventually(lambda: _acted(rig, facts, [1, 2, 3]), within=10)
    await eventually(lambda: _all_acknowledged(link))


async def test_what_is_in_work_is_not_claimed(link: RedisLink, rigs: MakeRig):
    """A reaction may take longer than the time after which entries of the dead are claimed."""
    # Were it not kept young, the idle one would look between 1.9 s and 2.4 s, before the slow one could claim it again.
    slow, idle, holders = rigs("slow", claim_after=2.5), rigs("idle", claim_after=1.9), set[bytes]()

    async def take_long(envelope: Envelope) -> None:
        for _ in range(52):
            await asyncio.sleep(0.05)
            holders.update(entry[1] for entry in await link.call("XPENDING", STREAM, CONTEXT, "-", "+", 10))

    await slow.start(take_long)
    facts = history(1)
    await append(link, *facts)
    await eventually(lambda: _tried(slow, facts[0]))
    await idle.start()

    await eventually(lambda: _acted(slow, facts, [1]), within=20)
    assert holders == {b"slow"}
    assert idle.attempts == {}


@pytest.mark.parametrize("fields", [("e", b"\xff\xfe not an envelope"), ("x", b"no envelope at all"), ("e", b"")])
async def test_an_undecodable_entry_is_dead_lettered_and_acknowledged(
    link: RedisLink, rigs: MakeRig, fields: tuple[str, bytes]
):
    """The others go on."""
    rig, facts = rigs(), history(2)
    await link.call("XADD", STREAM, "*", *fields)
    await append(link, *facts)

    await rig.start()

    await eventually(lambda: _acted(rig, facts, [1, 2]))
    await eventually(lambda: _all_acknowledged(link))
    assert await rig.books.dead_letters() == [("*", 0)]


async def test_a_flushed_stream_gets_its_group_again(link: RedisLink, rigs: MakeRig):
    """Blocked readers are told, and what comes then is delivered."""
    rig, facts = rigs(), history(4)
    await rig.start()
    await rig.deliver(facts[:2])

    await link.call("FLUSHDB")
    await append(link, *facts)

    await eventually(lambda: _acted(rig, facts, [1, 2, 3, 4]))


async def test_no_more_than_the_room_is_taken(link: RedisLink, rigs: MakeRig):
    """A slow reaction does not fill the memory: the rest stays in Redis."""
    rig, going_on = rigs(room=5), asyncio.Event()

    async def wait(envelope: Envelope) -> None:
        await going_on.wait()

    await rig.start(wait)
    await append(link, *(history(1)[0] for _ in range(30)))
    await eventually(lambda: _pending_is(link, 5))
    going_on.set()

    await eventually(lambda: _count(rig, 30))
    await eventually(lambda: _all_acknowledged(link))


async def test_a_consumer_leaves_when_nothing_is_pending_for_it(link: RedisLink, rigs: MakeRig):
    """And stays as long as something is: deleting it would delete the entries."""
    rig, facts = rigs("one"), history(2)
    await rig.start()
    await rig.deliver(facts[:1])
    await append(link, *history(1))
    await link.call("XGROUP", "CREATECONSUMER", STREAM, CONTEXT, "dead")

    await eventually(lambda: _count(rig, 2))
    await rig.bus.close(5)
    left = await consumers(link)
    await append(link, *history(1))
    await take_as(link, "dead", 1)

    assert left == [b"dead"]
    assert await dismiss_consumer(link, STREAM, CONTEXT, "dead") == 0
    assert await pending(link) == 1


async def test_closing_ends_in_time_while_redis_hangs(link: RedisLink, redis_url: str, books: PostgresBookkeeping):
    """The network drops everything: no question to Redis may take longer than there is time."""
    async with proxied(urlsplit(redis_url).port or 0) as proxy:
        bus = RedisBus(proxy.url(redis_url), CONTEXT, books.ledger, QUICK, replica="one")
        rig, facts, loop = BusRig(bus, books), history(1), asyncio.get_running_loop()
        await rig.start()
        await append(link, *facts)
        await eventually(lambda: _acted(rig, facts, [1]))
        proxy.cut()
        began = loop.time()

        await bus.close(0.5)

        assert loop.time() - began < stretched(2.0)  # one more answer waited for is two seconds more


async def test_two_replicas_keep_the_order_of_each_subject(link: RedisLink, rigs: MakeRig):
    """Redis deals one subject's events to both; their progress is one."""
    first, second = rigs("one"), rigs("two")
    await first.start(_dawdle)
    await second.start(_dawdle)
    histories = [history(10) for _ in range(10)]

    for turn in zip(*histories, strict=True):
        await append(link, *turn)

    await eventually(lambda: _count(first, 100), within=20)
    for facts in histories:
        assert await first.effects_on(facts[0].subject) == list(range(1, 11))
    assert first.attempts
    assert second.attempts


async def _dawdle(envelope: Envelope) -> None:
    await asyncio.sleep(0.002 * (envelope.sequence % 3))


async def _acted(rig: BusRig, facts: list[Envelope], expected: list[int]) -> None:
    assert await rig.effects_on(facts[0].subject) == expected


async def _count(rig: BusRig, expected: int) -> None:
    assert len(await rig.books.effects()) == expected


async def _all_acknowledged(link: RedisLink) -> None:
    assert await pending(link) == 0


async def _pending_is(link: RedisLink, expected: int) -> None:
    assert await pending(link) == expected


def _tried(rig: BusRig, fact: Envelope) -> None:
    assert fact.id in rig.attempts
