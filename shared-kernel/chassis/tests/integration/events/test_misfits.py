"""What cannot be handled, under load: a dead letter or a retry as written, and all others go on."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from uuid import UUID

import msgspec
import pytest_asyncio
from promenade_chassis.testing.bus_rig import history
from promenade_chassis.testing.events import in_turns, record, retyped
from promenade_chassis.testing.fault_load import Load
from promenade_chassis.testing.fault_rig import STREAM, FaultRig, fault_rig, killed
from promenade_chassis.testing.plugin import NewDatabase
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.values.ids import new_id


@pytest_asyncio.fixture
async def rig(
    new_database: NewDatabase, migration_folders: Sequence[Path], redis_url: str, tmp_path: Path
) -> AsyncGenerator[FaultRig, None]:
    """Two databases and a Redis; nothing runs yet."""
    urls = new_database(migration_folders), new_database(migration_folders)
    async with fault_rig(*urls, redis_url, tmp_path) as made:
        yield made


def spoilt(fact: Envelope) -> Envelope:
    """The same fact with data that break its type's schema."""
    return msgspec.structs.replace(fact, data=msgspec.Raw(b'{"user_id": 7}'))


async def test_misfits_of_every_kind_hold_up_nobody(rig: FaultRig):
    """Five subjects with one fault each among twenty that go on; every dead letter has its reason and attempts."""
    poisoned, unknown, refused, failing, shaky = (history(4) for _ in range(5))
    poisoned[1], unknown[1] = spoilt(poisoned[1]), retyped(unknown[1], "user.renamed.v1")
    moods = {refused[0].subject: "refuses", failing[0].subject: "always-fails", shaky[0].subject: "fails-twice"}
    await rig.launch("identity")
    await rig.launch("billing", attempts=3, moods=moods)

    async with Load(rig.producer) as load:
        for turn in zip(poisoned, unknown, refused, failing, shaky, strict=True):
            await record(rig.producer, turn)
            await load.more(20)

    expected = {
        **_whole(load),
        poisoned[0].subject: [1, 3, 4],
        unknown[0].subject: [1, 3, 4],
        shaky[0].subject: [1, 2, 3, 4],
    }
    await rig.settled(expected)
    assert sorted(await rig.dead_letters()) == sorted(
        [(poisoned[0].subject, 1), *[(refused[0].subject, 1)] * 4, *[(failing[0].subject, 3)] * 4]
    )


async def test_entries_that_are_no_envelopes_are_dead_letters(rig: FaultRig):
    """Somebody else wrote them; the relay finds its stream longer than it left it, and goes on behind."""
    payloads = [b"{{{", b"", b"\xff\xfe", b'{"specversion": "1.0"}', b"[]", b"9" * 5000]
    await rig.launch("identity")
    await rig.launch("billing")
    async with Load(rig.producer) as load:
        await rig.progresses()
        for payload in payloads:
            await rig.link.call("XADD", STREAM, "*", "e", payload)
            await rig.link.call("XADD", STREAM, "*", "not-ours", payload)
            await load.more(10)

    await rig.settled(load)
    assert await rig.dead_letters() == [(None, 0)] * 2 * len(payloads)


async def test_attempts_survive_kill_9(rig: FaultRig):
    """A reaction that always fails is given up after eight attempts altogether, however often the process died."""
    (failing,) = histories = [history(1)]
    moods = {failing[0].subject: "always-fails"}
    await rig.launch("identity")
    async with Load(rig.producer) as load:
        await record(rig.producer, in_turns(*histories))
        for _ in range(3):
            await killed(await rig.launch("billing", moods=moods, fault="in-batch", nth=15))
        await rig.launch("billing", moods=moods)
        await load.more(20)

    await rig.settled(load)
    assert await rig.dead_letters() == [(failing[0].subject, 8)]


async def test_a_dead_letter_is_written_once_though_its_consumer_dies_after_it(rig: FaultRig):
    """The commit that wrote it is not followed by XACK: the next process finds it settled."""
    refused = history(30)
    moods = {refused[0].subject: "refuses"}
    await rig.launch("identity")
    await record(rig.producer, refused)
    for _ in range(3):
        await killed(await rig.launch("billing", moods=moods, fault="before-acknowledge", nth=1))

    await rig.launch("billing", moods=moods)

    await rig.settled({new_id(): ()})
    assert await rig.dead_letters() == [(refused[0].subject, 1)] * 30


def _whole(load: Load) -> dict[UUID, list[int]]:
    return {subject: list(range(1, last + 1)) for subject, last in load.recorded.items()}
