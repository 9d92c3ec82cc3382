"""kill -9 of any process in the middle of the story: it still ends right."""

from __future__ import annotations

import os
import signal

import pytest
from e2e_stack import Silence, Stack
from promenade_local.story import tell

# Who dies, and right after which request was answered.
DEATHS = [
    ("identity", "/auth/register"),
    ("customer-management", "/place"),
    ("order-management", "/place"),
    ("billing", "/payments"),
    ("gateway", "/orders"),
    ("postgres", "/payments"),
    ("valkey", "/place"),
    *(
        pytest.param(victim, after, marks=pytest.mark.long)
        for victim, after in (
            ("identity", "/auth/verify-email"),
            ("customer-management", "/auth/register"),
            ("order-management", "/payments"),
            ("order-management", "/deliver"),
            ("billing", "/place"),
        )
    ),
]


class Killer(Silence):
    """Kills a process as soon as a request was answered, once."""

    def __init__(self, stack: Stack, victim: str, after: str) -> None:
        self._stack = stack
        self._victim = victim
        self._after = after
        self.killed: int | None = None

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        if method == "POST" and path.endswith(self._after) and self.killed is None:
            self.killed = self._stack.pid(self._victim)
            os.kill(self.killed, signal.SIGKILL)


@pytest.mark.parametrize(("victim", "after"), DEATHS)
async def test_the_story_survives_a_kill(stack: Stack, victim: str, after: str) -> None:
    """The process is started again and the order is delivered, paid once, with one invoice."""
    killer = Killer(stack, victim, after)

    order = await tell(stack.scene(killer))

    assert killer.killed is not None
    assert (order["status"], order["payment_status"]) == ("completed", "paid")
    assert stack.pid(victim) != killer.killed
