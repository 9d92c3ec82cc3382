"""Stacks that several files of tests use, one after the other and in one process of pytest: starting one is dear."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from e2e_stack import Stack, running_stack
from promenade_chassis.testing.polling import eventually_blocking
from xdist.scheduler import LoadFileScheduling

OPTIONS: Mapping[str, tuple[str, ...]] = {"stack": (), "single": ("--single",)}
# In the order in which they run: who kills comes last. What has settings of its own is no use to others.
SHARERS: Mapping[str, tuple[str, ...]] = {
    "test_access_matrix.py": ("single",),
    "test_story.py": ("stack", "single"),
    "test_input.py": ("stack",),
    "test_fuzz.py": ("stack",),
    "test_revocation.py": ("stack",),
    "test_logs_and_metrics.py": ("stack",),
    "test_kills.py": ("stack",),
}


class SharedStacks:
    """Each is started for the first file that wants it, and stops with the last."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Stack, ExitStack]] = {}

    def lend(self, name: str) -> Stack:
        """The running stack of this name, whole again should the last test have killed something."""
        if name not in self._running:
            with ExitStack() as ends:
                stack = ends.enter_context(running_stack(*OPTIONS[name]))
                self._running[name] = stack, ends.pop_all()
        stack, _ = self._running[name]
        eventually_blocking(lambda: _assert_whole(stack), within=30)
        return stack

    def stop_unless(self, wanted: tuple[str, ...]) -> None:
        """Idle they would cost the tests that follow time and memory."""
        for name in self._running.keys() - wanted:
            self._running.pop(name)[1].close()


def _assert_whole(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/health").status_code == 200, "somebody has broken it"


def shared_by(path: Path) -> tuple[str, ...]:
    """The shared stacks that the tests of this file use."""
    return SHARERS.get(path.name, ()) if path.parent == Path(__file__).parent else ()


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Who shares comes first, in the order of `SHARERS`."""
    places = list(SHARERS)
    return sorted(items, key=lambda item: places.index(item.path.name) if shared_by(item.path) else len(places))


class OneProcessForSharers(LoadFileScheduling):
    """A file of tests stays with one process of pytest; all files that share stacks are as one."""

    def _split_scope(self, nodeid: str) -> str:
        scope = super()._split_scope(nodeid)
        folder, _, name = scope.rpartition("/")
        return "sharers" if folder == Path(__file__).parent.name and name in SHARERS else scope
