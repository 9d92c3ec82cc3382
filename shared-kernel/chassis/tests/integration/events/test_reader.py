"""One reader of a group: what it asks Redis, and how often."""

from collections.abc import Sequence
from typing import Any

import pytest
from promenade_chassis.events.reader import Entry, StreamReader
from promenade_chassis.events.redis_link import RedisLink, Word
from promenade_chassis.testing.bus_rig import CONTEXT, history
from promenade_chassis.testing.relay_rig import STREAM


class CountedLink(RedisLink):
    """Counts how often it waits for an answer."""

    asked = 0

    async def _ask(self, commands: Sequence[Sequence[Word]], at: Word | None) -> list[Any]:
        self.asked += 1
        return await super()._ask(commands, at)


@pytest.mark.parametrize("past", [True, False])
async def test_the_past_is_looked_for_in_few_questions(link: RedisLink, redis_url: str, past: bool):
    """However many entries other replicas hold: seven hundred are two pages."""
    facts = history(2)
    others = [history(1)[0] for _ in range(700)]
    held = [*others[:600], facts[0], *others[600:]] if past else others
    ids = await link.call_many([("XADD", STREAM, "*", "e", each.encode()) for each in [*held, facts[1]]])
    await link.call("XGROUP", "CREATE", STREAM, CONTEXT, "0")
    await link.call("XREADGROUP", "GROUP", CONTEXT, "another", "COUNT", len(held), "STREAMS", STREAM, ">")
    counted = CountedLink(redis_url)
    reader = StreamReader(
        STREAM, CONTEXT, "one", link=counted, blocking=counted, deal=lambda _: None, room=1_000, claim_after=15.0
    )

    found = await reader.has_past_in_flight(Entry(reader, ids[-1], b"", facts[1]))

    await counted.close()
    assert found is past
    assert counted.asked == 4
