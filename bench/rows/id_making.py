"""Making ids: the generator for events against the library that makes all others."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from uuid import UUID

from engines import Rig
from measure import Contender, Goal, Reading, Row
from promenade_kernel.values.ids import new_event_id
from uuid6 import uuid7

IDS = 200_000
LIBRARY = "uuid6.uuid7()"


def _made(make: Callable[[], UUID]) -> Callable[[Rig], Reading]:
    def run(rig: Rig) -> Reading:
        made: list[UUID] = [UUID(int=0)] * IDS
        started = time.perf_counter()
        for number in range(IDS):
            made[number] = make()
        seconds = time.perf_counter() - started
        assert all(before.int < after.int for before, after in pairwise(made))
        assert made[0].version == made[-1].version == 7
        return Reading(IDS / seconds, facts={"µs an id": round(seconds / IDS * 1e6, 2)})

    return run


ROWS = [
    Row(
        "ids",
        "making event ids, UUIDv7, monotone",
        "ids/s",
        Contender("values.ids.new_event_id()", _made(new_event_id)),
        [Contender(LIBRARY, _made(uuid7))],
        goals=[Goal("≥ 2 × uuid6", LIBRARY, least=2.0)],
    ),
]
