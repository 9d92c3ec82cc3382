"""The relay heals what Redis lost: before anything new is appended, in order, no more than it has to."""

import asyncio
from datetime import timedelta

import pytest
from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Connection, Database
from promenade_chassis.events import outlet_stream
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.stream_groups import note_groups
from promenade_chassis.events.stream_ids import StreamId
from promenade_chassis.testing.bus_rig import history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.relay_rig import STREAM, LeadingOutlet, NewOutlet, entries, published

WEEK = timedelta(days=7)


@pytest.fixture
def often_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle relay looks many times a second whether Redis has what it remembers."""
    monkeypatch.setattr(outlet_stream, "_COMPARE_SECONDS", 0.05)


async def test_a_flushed_stream_is_filled_again_before_anything_new(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """Nothing noted: the whole retention, in order, then what was recorded in the next millisecond."""
    holder, facts = await outlets(), history(10)
    await record(database, facts[:6])
    await holder.publish_all()
    before = await entries(link)

    await link.call("FLUSHDB")
    await record(database, facts[6:])
    await holder.publish_all()

    after = await entries(link)
    assert [envelope for _, envelope in after] == facts
    assert min(entry_id for entry_id, _ in after) > max(entry_id for entry_id, _ in before)


async def test_an_append_in_the_very_next_millisecond_after_a_flush_writes_nothing(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """Both are in one write: nothing comes between them, and the id that `*` would give is newer than all before."""
    holder, facts = await outlets(), history(31)
    for start in range(0, 30, 3):
        await record(database, facts[start : start + 3])
        await holder.publish_all()
        following = history(1)

        _, answer = await asyncio.gather(link.call("FLUSHDB"), holder.append(following))

        assert (answer.found, answer.ids) == (StreamId(0, 0), ())
        assert await published(link) == []

    await record(database, facts[30:])
    await holder.publish_all()
    assert await published(link) == list(range(1, 32))


@pytest.mark.usefixtures("often_compared")
async def test_an_idle_relay_notices_the_loss(database: Database, link: RedisLink, outlets: NewOutlet):
    """Nothing has to be recorded for it; a group that was made anew meanwhile does not hide it."""
    holder = await outlets()
    await record(database, history(3))
    await holder.publish_all()

    await link.call("FLUSHDB")
    await link.call("XGROUP", "CREATE", STREAM, "billing", "0", "MKSTREAM")

    await eventually(lambda: _heals_to(link, holder, [1, 2, 3]))


async def test_a_loss_hidden_by_a_newer_entry_is_noticed(database: Database, link: RedisLink, outlets: NewOutlet):
    """Somebody else appended first after the flush: the remembered entry is missing all the same."""
    holder, foreign = await outlets(), history(1, start=99)[0]
    await record(database, history(3))
    await holder.publish_all()

    await link.call("FLUSHDB")
    await link.call("XADD", STREAM, "*", "e", foreign.encode())
    await record(database, history(1))
    await holder.publish_all()

    assert await published(link) == [99, 1, 2, 3, 1]


async def test_a_stream_restored_from_a_backup_gets_what_it_lacks(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """Failed over or restored: what it has stays, what came after is published again."""
    holder, facts = await outlets(), history(9)
    await record(database, facts[:4])
    await holder.publish_all()
    backup = await link.call("DUMP", STREAM)
    await record(database, facts[4:8])
    await holder.publish_all()

    await link.call("RESTORE", STREAM, 0, backup, "REPLACE")
    await record(database, facts[8:])
    await holder.publish_all()

    assert await published(link) == list(range(1, 10))


@pytest.mark.usefixtures("often_compared")
async def test_a_stream_that_lost_a_part_has_no_hole_afterwards(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """Also what all groups had acknowledged: a group that comes later would wait for it, for ever."""
    holder, facts = await outlets(), history(6)
    await record(database, facts[:2])
    await holder.publish_all()
    backup = await link.call("DUMP", STREAM)
    await record(database, facts[2:])
    await holder.publish_all()
    await _acknowledge(link, "billing", 4)
    await holder.note()

    await link.call("RESTORE", STREAM, 0, backup, "REPLACE")

    await eventually(lambda: _heals_to(link, holder, [1, 2, 3, 4, 5, 6]))


async def test_what_every_group_had_acknowledged_is_not_published_again(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """From the lowest entry that some group had not acknowledged when last noted."""
    holder, facts = await outlets(), history(6)
    await record(database, facts)
    await holder.publish_all()
    for group, taken in (("billing", 5), ("customer-management", 2)):
        await _acknowledge(link, group, taken)
    await holder.note()

    await link.call("FLUSHDB")
    await record(database, history(1))
    await holder.publish_all()

    assert await published(link) == [3, 4, 5, 6, 1]


async def test_what_a_relay_of_the_release_before_took_back_is_published(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """Redis loses everything while it leads, in the middle of a rolling upgrade; then it goes."""
    holder = await outlets()
    await record(database, history(3))
    await holder.publish_all()
    await link.call("FLUSHDB")
    await _take_all_back(database)

    successor = await outlets()
    await successor.publish_all()

    assert await published(link) == [1, 2, 3]


async def _take_all_back(database: Database) -> None:
    """As it did, which knew nothing of `outbox_pending`."""
    async with database.begin():
        connection = database.writing_connection()
        await connection.execute("UPDATE outbox SET published_at = NULL, stream_id = NULL WHERE stream_id IS NOT NULL")
        await connection.execute("UPDATE stream_state SET floor_id = last_id, last_id = '0-0'")


async def test_a_group_that_was_not_noted_loses_nothing_with_redis(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """Of a context deployed in that moment; what the others had acknowledged was not published again for them."""
    holder = await outlets()
    await record(database, history(5))
    await holder.publish_all()
    await _acknowledge(link, "billing", 4)
    await holder.note()
    await link.call("FLUSHDB")
    await record(database, history(1, start=99))
    await holder.publish_all()
    assert await published(link) == [5, 99]

    await link.call("XGROUP", "CREATE", STREAM, "customer-management", "0")
    await holder.note()
    await holder.publish_all()

    assert await published(link) == [5, 99, 1, 2, 3, 4]


@pytest.mark.parametrize(("surveyed_ago", "healed"), [(0, [99]), (8, [1, 2, 3, 99])])
async def test_a_group_is_forgotten_for_not_being_seen_not_for_nobody_looking(
    database: Database, link: RedisLink, outlets: NewOutlet, surveyed_ago: int, healed: list[int]
):
    """Away for longer than the stream keeps entries it is a new group when it comes back, and has its past then."""
    holder = await outlets()
    await record(database, history(3))
    await holder.publish_all()
    await _acknowledge(link, "billing", 3)
    await note_groups(holder.connection, STREAM, {"away": StreamId(0, 0)}, WEEK)
    await holder.note()
    await _age(holder.connection, "away", seen_ago=8, surveyed_ago=surveyed_ago)
    await link.call("FLUSHDB")
    await record(database, history(1, start=99))
    await holder.publish_all()
    assert await published(link) == healed

    await link.call("XGROUP", "CREATE", STREAM, "away", "0")
    for _ in range(2):
        await holder.note()
        await holder.publish_all()

    assert await published(link) == (healed if surveyed_ago else [99, 1, 2, 3])


async def _age(connection: Connection, group: str, *, seen_ago: int, surveyed_ago: int) -> None:
    """So many days ago the group was last seen, and the groups were last looked at."""
    days = {"name": group, "seen": seen_ago, "surveyed": surveyed_ago}
    seen = "UPDATE stream_group SET noted_at = now() - make_interval(days => %(seen)s) WHERE name = %(name)s"
    await connection.execute(seen, days)
    await connection.execute("UPDATE stream_state SET surveyed_at = now() - make_interval(days => %(surveyed)s)", days)


async def test_ids_rise_over_a_loss_whatever_the_servers_clock_says(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """Failed over to a server whose clock is behind: an id used twice would be acknowledged for the wrong entry."""
    holder, ahead = await outlets(), "9999999999999-7"
    await link.call("XADD", STREAM, ahead, "e", history(1)[0].encode())
    await record(database, history(2))
    await holder.publish_all()
    last = (await entries(link))[-1][0]

    await link.call("FLUSHDB")
    await record(database, history(2))
    await holder.publish_all()

    assert [entry_id > last for entry_id, _ in await entries(link)] == [True] * 4


async def test_a_group_that_is_away_is_not_forgotten_by_a_second_loss(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """The group that came back after the first loss has acknowledged all; the one that did not still counts."""
    holder = await outlets()
    await record(database, history(3))
    await holder.publish_all()
    nothing, everything = StreamId(0, 0), (await entries(link))[-1][0]
    await note_groups(holder.connection, STREAM, {"away": nothing, "quick": everything}, WEEK)

    for _ in range(2):
        await link.call("FLUSHDB")
        await holder.publish_once()
        await record(database, history(1))
        await holder.publish_all()
        last = (await entries(link))[-1][0]
        await note_groups(holder.connection, STREAM, {"quick": last}, WEEK)

    assert await published(link) == [1, 2, 3, 1, 1]


async def test_trimming_stops_at_what_some_group_has_not_acknowledged(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """However old it is; and the last entry stays, which proves that nothing was lost."""
    holder = await outlets(EventsSettings(stream_retention_days=0))
    await record(database, history(1_000))
    await holder.publish_all()
    await _acknowledge(link, "billing", 450)

    await holder.note()

    left = await published(link)
    assert 451 in left
    assert 1 not in left


async def _acknowledge(link: RedisLink, group: str, count: int) -> None:
    """The group is made, and has acknowledged so many entries."""
    await link.call("XGROUP", "CREATE", STREAM, group, "0")
    await link.call("XREADGROUP", "GROUP", group, "c", "COUNT", count, "STREAMS", STREAM, ">")
    await link.call("XACK", STREAM, group, *(str(entry_id) for entry_id, _ in (await entries(link))[:count]))


async def _heals_to(link: RedisLink, holder: LeadingOutlet, expected: list[int]) -> None:
    """What an idle relay does, until the stream has what it should have."""
    await holder.rest()
    await holder.publish_all()
    assert await published(link) == expected
