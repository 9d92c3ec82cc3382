"""A unit is kept running until it is stopped."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from promenade_chassis.embedded.launch import Launch
from promenade_chassis.testing.polling import eventually, stretched
from promenade_local.child import describe_exit
from promenade_local.children import Children
from promenade_local.state import Row
from promenade_local.units import Keeper, Unit


class Listener:
    """Remembers deaths."""

    def __init__(self) -> None:
        self.deaths: list[str] = []

    def changed(self) -> None: ...

    def ended(self, name: str, how: str) -> None:
        self.deaths.append(f"{name}: {how}")


def _unit(tmp_path: Path, code: str, rows: int = 1, stop_within: float = 10) -> Unit:
    launch = Launch(argv=(sys.executable, "-c", code), cwd=tmp_path)
    return Unit(
        name="unit",
        rows=tuple(Row(name=f"row-{number}", port=number) for number in range(rows)),
        command=lambda: launch,
        log=tmp_path / "unit.log",
        stop_within=stop_within,
    )


async def test_a_killed_process_starts_again_with_another_pid(tmp_path: Path):
    """Every row that it serves counts the restart."""
    unit, listener = _unit(tmp_path, "import time; time.sleep(60)", rows=2), Listener()
    keeper = Keeper(unit, Children(), listener)
    keeper.start()
    first = await eventually(lambda: _pid(unit))

    _process(unit).kill()

    second = await eventually(lambda: _other_pid(unit, first))
    await keeper.stop()
    assert first != second
    assert [row.restarts for row in unit.rows] == [1, 1]
    assert listener.deaths == ["unit: SIGKILL"]


async def test_a_stopped_process_stays_stopped(tmp_path: Path):
    """Its rows have no pid any more."""
    unit, listener = _unit(tmp_path, "import time; time.sleep(60)"), Listener()
    keeper = Keeper(unit, Children(), listener)
    keeper.start()
    await eventually(lambda: _pid(unit))
    process = _process(unit)

    await keeper.stop()

    assert not process.is_running()
    assert unit.rows[0].process is None
    assert listener.deaths == []


async def test_a_process_that_ignores_sigterm_is_killed_after_its_deadline(tmp_path: Path):
    """Stopping always ends."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    unit = _unit(tmp_path, code, stop_within=0.1)
    keeper = Keeper(unit, Children(), Listener())
    keeper.start()
    await eventually(lambda: _assert_logged(unit, "up"))
    process = _process(unit)

    async with asyncio.timeout(stretched(40)):
        await keeper.stop()

    assert not process.is_running()


async def test_children_of_a_dead_process_do_not_stay(tmp_path: Path):
    """They would hold its port."""
    code = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    unit = _unit(tmp_path, code)
    keeper = Keeper(unit, Children(), Listener())
    keeper.start()
    await eventually(lambda: _assert_logged(unit, "\n"))
    process = _process(unit)
    (grandchild,) = process.children()

    process.kill()
    await keeper.stop()

    await eventually(lambda: _assert_gone(grandchild))


async def test_a_program_that_is_not_there_is_tried_again(tmp_path: Path):
    """The reason is kept for whoever waits for the start."""
    unit, listener = _unit(tmp_path, ""), Listener()
    missing = Launch(argv=(str(tmp_path / "missing"),), cwd=tmp_path)
    broken = Unit(name="unit", rows=unit.rows, command=lambda: missing, log=unit.log)
    keeper = Keeper(broken, Children(), listener)

    keeper.start()

    await eventually(lambda: _assert_restarts(keeper, 2))
    await keeper.stop()
    assert "could not start" in str(keeper.last_end)


@pytest.mark.parametrize(
    ("status", "words"), [(0, "exit status 0"), (-signal.SIGSEGV, "SIGSEGV"), (-99, "signal 99"), (3, "exit status 3")]
)
def test_an_exit_status_is_put_into_words(status: int, words: str):
    """A signal has a name."""
    assert describe_exit(status) == words


def _process(unit: Unit):
    assert unit.rows[0].process is not None
    process = unit.rows[0].process.process()
    assert process is not None
    return process


def _pid(unit: Unit) -> int:
    return _process(unit).pid


def _other_pid(unit: Unit, pid: int) -> int:
    assert _pid(unit) != pid
    return _pid(unit)


def _assert_logged(unit: Unit, text: str) -> None:
    assert text in unit.log.read_text()


def _assert_gone(process) -> None:
    assert not process.is_running() or process.status() == "zombie"


def _assert_restarts(keeper: Keeper, count: int) -> None:
    assert keeper.restarts >= count
