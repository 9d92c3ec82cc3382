"""Making ids: the generator for events against the library that makes all others."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from uuid import UUID

from engines import Rig
from measure import Contender, Goal, Reading, Row, Watch
from promenade_kernel.values.ids import new_event_id
from uuid6 import uuid7

LIBRARY = "uuid6.uuid7()"


def _made(make: Callable[[], UUID]) -> Callable[[Rig], Reading]:
    def run(rig: Rig) -> Reading:
        made: list[UUID] = [UUID(int=0)] * rig.size
        with Watch() as watch:
            for number in range(rig.size):
                made[number] = make()
        assert all(before.int < after.int for before, after in pairwise(made))
        assert made[0].version == made[-1].version == 7
        return watch.reading(rig.size)

    return run


ROWS = [
    Row(
        "ids",
        "making event ids, UUIDv7, monotone",
        "ids/s",
        Contender("values.ids.new_event_id()", _made(new_event_id)),
        [Contender(LIBRARY, _made(uuid7))],
        goals=[Goal("≥ 2 × uuid6", LIBRARY, least=2.0)],
        long=True,
    ),
]
