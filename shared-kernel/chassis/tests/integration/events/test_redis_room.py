"""Nothing that waits, and nothing that is spoilt, keeps a consumer from the rest of the stream."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from promenade_chassis.events import reader
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.ports import NotYet
from promenade_chassis.testing.bus_rig import CONTEXT, BusRig, PostgresBookkeeping, history
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.relay_rig import STREAM
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserReinstated

MakeRig = Callable[..., BusRig]


async def append(link: RedisLink, *envelopes: Envelope) -> None:
    """Put events on the stream."""
    for envelope in envelopes:
        await link.call("XADD", STREAM, "*", "e", envelope.encode())


async def acted(rig: BusRig, fact: Envelope, sequences: list[int]) -> None:
    """What took effect of a fact's subject."""
    assert await rig.effects_on(fact.subject) == sequences


async def test_what_a_dead_replica_holds_is_claimed_also_when_there_is_no_room(link: RedisLink, rigs: MakeRig):
    """The room is full of what waits for the dead one's entries, and its name never comes back."""
    facts = history(12)
    await append(link, *facts)
    await link.call("XGROUP", "CREATE", STREAM, CONTEXT, "0")
    await link.call("XREADGROUP", "GROUP", CONTEXT, "dead", "COUNT", 2, "STREAMS", STREAM, ">")
    rig = rigs("alive", claim_after=0.5, room=5)

    await rig.start()

    await eventually(lambda: acted(rig, facts[0], list(range(1, 13))), within=15)


async def test_one_subject_that_waits_never_stops_the_others(link: RedisLink, rigs: MakeRig):
    """One NotYet, and what follows of its subject would fill the room."""
    rig, waiting, other, ready = rigs(room=5), history(8), history(1), asyncio.Event()

    async def behave(envelope: Envelope) -> None:
        if envelope.subject == waiting[0].subject and not ready.is_set():
            raise NotYet

    await rig.start(behave)
    await append(link, *waiting, *other)

    await eventually(lambda: acted(rig, other[0], [1]), within=10)
    ready.set()
    await eventually(lambda: acted(rig, waiting[0], list(range(1, 9))), within=15)


async def test_of_what_waits_no_more_is_kept_than_may_be_and_nothing_is_lost(
    link: RedisLink, rigs: MakeRig, monkeypatch: pytest.MonkeyPatch
):
    """Beyond that it is forgotten, stays pending, and is claimed again when its subject can go on."""
    monkeypatch.setattr(reader, "PARKED_ROOMS", 2)
    rig, waiting, other, ready = rigs(room=5, claim_after=0.5), history(40), history(1), asyncio.Event()

    async def behave(envelope: Envelope) -> None:
        if envelope.subject == waiting[0].subject and not ready.is_set():
            raise NotYet

    await rig.start(behave)
    await append(link, *waiting, *other)
    await eventually(lambda: acted(rig, other[0], [1]), within=10)
    (stream_reader,) = rig.bus._readers  # pyright: ignore[reportAttributeAccessIssue]
    held = len(stream_reader._in_work)
    ready.set()

    await eventually(lambda: acted(rig, waiting[0], list(range(1, 41))), within=30)
    assert held <= 15 + 5


@pytest.mark.parametrize("spoil", ["nul", "forms", "deep"])
async def test_what_is_spoilt_never_stops_the_others(link: RedisLink, rigs: MakeRig, spoil: str):
    """A NUL in a field, forms of no fact, JSON nested deeper than any Python reads: each a dead letter of its own."""
    others = [history(1)[0] for _ in range(20)]
    await link.call("XADD", STREAM, "*", "e", spoilt(spoil))
    await append(link, *others)
    rig = rigs()

    await rig.start()

    async def all_acted() -> None:
        assert len(await rig.books.effects()) == 20
        assert await rig.books.dead_letters() == [("*", 0)]

    await eventually(all_acted, within=10)


def spoilt(how: str) -> bytes:
    """An entry that almost is an envelope."""
    (fact,) = history(1)
    if how == "nul":
        return msgspec.structs.replace(fact, correlationid="\0").encode()
    if how == "forms":
        return msgspec.structs.replace(fact, type="nonsense", forms="2,1").encode()
    head, _, tail = fact.encode().partition(b'"data":')
    return head + b'"data":' + b"[" * 100_000 + b"]" * 100_000 + tail[tail.index(b"}") + 1 :]


async def test_poison_waits_for_its_turn_however_long(link: RedisLink, rigs: MakeRig, books: PostgresBookkeeping):
    """Buried ahead of it, it would leave a gap that nothing fills: its subject would end there."""
    facts, ready = history(4), asyncio.Event()
    poison = facts[2].encode().replace(b'"specversion":"1.0"', b'"specversion":"9"')
    rig = rigs()

    async def behave(envelope: Envelope) -> None:
        if envelope.sequence == 2 and not ready.is_set():
            raise NotYet

    await rig.start(behave)
    await append(link, *facts[:2])
    await eventually(lambda: acted(rig, facts[0], [1]))
    await link.call("XADD", STREAM, "*", "e", poison)
    await append(link, facts[3])
    tries = rig.attempts.get(facts[1].id, 0)
    async with books.database.reading_connection() as connection:
        await connection.execute("UPDATE subject_progress SET updated_at = now() - interval '2 hours'")
    await eventually(lambda: tried(rig, facts[1], tries + 2))
    early = await rig.books.dead_letters()
    ready.set()

    await eventually(lambda: acted(rig, facts[0], [1, 2, 4]), within=15)
    assert early == []
    assert await rig.books.dead_letters() == [("*", 0)]


async def tried(rig: BusRig, fact: Envelope, times: int) -> None:
    """How often a fact's reaction was called."""
    assert rig.attempts.get(fact.id, 0) >= times


async def test_what_is_behind_the_progress_is_acknowledged_not_acted_upon(
    link: RedisLink, rigs: MakeRig, books: PostgresBookkeeping
):
    """A reaction that is new, or renamed, does not act on what its context has passed when its group begins anew."""
    facts = history(3)
    before = rigs("before")

    async def on_user_reinstated(event: UserReinstated, envelope: Envelope) -> None: ...

    before.bus.subscribe(UserReinstated, on_user_reinstated)
    await before.bus.start()
    await append(link, *facts)
    await eventually(lambda: stands_at(books, 3))
    await before.bus.close(1)
    await link.call("XGROUP", "DESTROY", STREAM, CONTEXT)

    now = rigs("now")
    await now.start()
    await append(link, *history(1, facts[0].subject, start=4))

    await eventually(lambda: acted(now, facts[0], [4]))
    await eventually(lambda: nothing_pending(link))
    await acted(now, facts[0], [4])


async def stands_at(books: PostgresBookkeeping, sequence: int) -> None:
    """The progress of the only subject."""
    async with books.database.reading_connection() as connection:
        cursor = await connection.execute("SELECT sequence FROM subject_progress")
        assert [row["sequence"] for row in await cursor.fetchall()] == [sequence]


async def nothing_pending(link: RedisLink) -> None:
    """Everything was acknowledged."""
    assert (await link.call("XPENDING", STREAM, CONTEXT))[0] == 0
