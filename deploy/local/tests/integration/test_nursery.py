"""Python processes made by forking one that has imported their libraries."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from promenade_chassis.embedded.launch import Launch
from promenade_chassis.testing.polling import eventually, stretched
from promenade_local.child import Child
from promenade_local.nursery import Nursery

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forking is safe only there")

PROGRAM = """
import json, os, sys, time
print(json.dumps({"arguments": sys.argv[1:], "env": dict(os.environ), "cwd": os.getcwd(), "name": __name__}))
if "wait" in sys.argv:
    time.sleep(60)
sys.exit(3 if "fail" in sys.argv else 0)
"""


@pytest.fixture
async def nursery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Nursery]:
    """A nursery that finds the module `grown` on its path."""
    (tmp_path / "grown").mkdir()
    (tmp_path / "grown" / "__main__.py").write_text(PROGRAM)
    (tmp_path / "a folder").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = Nursery(tmp_path, tmp_path / "nursery.log", libraries=["json", "no_such_library"])
    yield made
    await made.close()


def _launch(tmp_path: Path, *arguments: str) -> Launch:
    return Launch(argv=(sys.executable, "-m", "grown", *arguments), cwd=tmp_path / "a folder", env={"ONLY": "this"})


async def test_a_forked_process_is_as_if_executed(nursery: Nursery, tmp_path: Path):
    """Arguments, environment, folder, output and exit status are those that were asked for."""
    child = await nursery.make(_launch(tmp_path, "all", "fail"), tmp_path / "grown.log")

    status = await asyncio.wait_for(child.exited, stretched(30))

    told = json.loads((tmp_path / "grown.log").read_text())
    assert status == 3
    assert told == {
        "arguments": ["all", "fail"],
        "env": {"ONLY": "this"},
        "cwd": str(tmp_path / "a folder"),
        "name": "__main__",
    }


async def test_several_processes_are_told_apart(nursery: Nursery, tmp_path: Path):
    """Each has its own pid, session and exit status."""
    launches = [_launch(tmp_path, "fail"), _launch(tmp_path)]

    children = await asyncio.gather(*(nursery.make(launch, tmp_path / "grown.log") for launch in launches))

    assert [await asyncio.wait_for(child.exited, stretched(30)) for child in children] == [3, 0]


async def test_a_killed_process_is_noticed(nursery: Nursery, tmp_path: Path):
    """A signal is an exit status too."""
    child = await _waiting(nursery, tmp_path)

    os.kill(child.pid, signal.SIGKILL)

    assert await asyncio.wait_for(child.exited, stretched(30)) == -signal.SIGKILL


async def test_sigterm_ends_what_does_not_handle_it(nursery: Nursery, tmp_path: Path):
    """Nothing of the nursery's own handling of signals is left in its children."""
    child = await _waiting(nursery, tmp_path)

    await child.stop(within=10)

    assert child.exited.result() == -signal.SIGTERM


async def test_the_death_of_the_nursery_is_the_death_of_its_children(nursery: Nursery, tmp_path: Path):
    """They are started again by other means; until then they must not hold their ports."""
    child = await _waiting(nursery, tmp_path)
    process = psutil.Process(child.pid)

    process.parent().kill()

    assert await asyncio.wait_for(child.exited, stretched(30)) < 0
    assert not nursery.is_open
    await eventually(lambda: _assert_gone(process))


async def test_a_process_nobody_waits_for_any_more_does_not_stay(nursery: Nursery, tmp_path: Path):
    """Whoever was stopped while his process was being born gets rid of it."""
    asking = asyncio.create_task(nursery.make(_launch(tmp_path, "wait"), tmp_path / "grown.log"))
    await asyncio.sleep(0)
    asking.cancel()

    await asyncio.wait([asking])

    child = await nursery.make(_launch(tmp_path), tmp_path / "other.log")
    await asyncio.wait_for(child.exited, stretched(30))
    await eventually(lambda: _assert_no_children(child, nursery))


async def _waiting(nursery: Nursery, tmp_path: Path) -> Child:
    log = tmp_path / "grown.log"
    child = await nursery.make(_launch(tmp_path, "wait"), log)
    await eventually(lambda: json.loads(log.read_text()))
    return child


def _assert_gone(process: psutil.Process) -> None:
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _assert_no_children(child: Child, nursery: Nursery) -> None:
    assert nursery.is_open
    forked = [each for each in psutil.Process().children(recursive=True) if "nursery" in " ".join(each.cmdline())]
    assert len([each for each in forked if each.status() != psutil.STATUS_ZOMBIE]) == 1
