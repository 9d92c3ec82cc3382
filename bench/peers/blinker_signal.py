"""blinker: one receiver, called for each event; no order across tasks to keep, no bound, no retry."""

from __future__ import annotations

import time
from typing import Any

from engines import Rig
from facts import assert_all_in_order, facts
from measure import PeerMissing, Reading, frozen_inputs
from promenade_kernel.events.envelope import Envelope

try:
    from blinker import Signal
except ImportError:
    Signal = None

EVENTS, SUBJECTS = 100_000, 1_000


async def run(rig: Rig) -> Reading:
    """Send every envelope to one async receiver that opens it."""
    if Signal is None:
        raise PeerMissing("blinker is not installed (uv sync --group bench)")
    seen: list[Envelope] = []

    async def receive(sender: Envelope, **_: Any) -> None:
        sender.open()
        seen.append(sender)

    signal = Signal()
    signal.connect(receive)
    envelopes = facts(EVENTS, SUBJECTS)
    with frozen_inputs():
        started = time.perf_counter()
        for envelope in envelopes:
            await signal.send_async(envelope)
        seconds = time.perf_counter() - started
    assert_all_in_order(((each.subject, each.sequence) for each in seen), EVENTS)
    return Reading(EVENTS / seconds)
