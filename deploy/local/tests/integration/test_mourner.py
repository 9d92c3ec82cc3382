"""A test run that is killed leaves no stack behind."""

import subprocess
import sys
from pathlib import Path

import pytest
from mourner import DONE
from promenade_chassis.testing.polling import eventually_blocking, stretched
from stacks import StackUnderTest

RUN = """
import os, signal, sys
from pathlib import Path
from mourner import mourned

with mourned(Path(sys.argv[1]), Path(sys.argv[2])):
    if sys.argv[3] == "error":
        raise KeyboardInterrupt
    if sys.argv[3] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def run_that_ends(how: str, home: Path, folder: Path) -> None:
    """A run whose stack is that of the home."""
    command = [sys.executable, "-c", RUN, str(home), str(folder), how]
    subprocess.run(
        command, cwd=Path(__file__).parents[1], timeout=stretched(60), check=False, stderr=subprocess.DEVNULL
    )


@pytest.mark.parametrize("how", ["kill", pytest.param("error", marks=pytest.mark.long)])
def test_what_the_dead_leave_is_ended_and_removed(prepared: StackUnderTest, how: str):
    """Nobody else would: it runs in the background, with its data perhaps in memory."""
    assert prepared.up().returncode == 0

    run_that_ends(how, prepared.home, prepared.home)

    eventually_blocking(lambda: _assert_nothing(prepared), within=60)


def _assert_nothing(stack: StackUnderTest) -> None:
    assert not stack.home.exists()
    assert stack.processes() == []


def test_who_says_that_all_is_done_is_believed(tmp_path: Path):
    """The mourner ends with the block, and touches nothing."""
    run_that_ends(DONE, tmp_path / "home", tmp_path)

    assert tmp_path.exists()
