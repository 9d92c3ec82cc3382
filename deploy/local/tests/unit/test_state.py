"""What the supervisor writes down, and who may believe it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from promenade_local.state import Incarnation, Row, StackState, running_stack


def _state(supervisor: Incarnation) -> StackState:
    return StackState(
        supervisor=supervisor,
        port=8000,
        profile="embedded",
        single=False,
        processes=[Row(name="gateway", port=8000, process=supervisor, restarts=2), Row(name="billing", port=8004)],
    )


def test_what_is_written_is_read(tmp_path: Path):
    """A dead process has no pid in the file, a living one has pid and start time."""
    state = _state(Incarnation.of(os.getpid()))

    state.write(tmp_path / "state.json")

    assert StackState.read(tmp_path / "state.json") == state


def test_only_the_owner_reads_the_file(tmp_path: Path):
    """Neither the file nor a half of it is ever there for others."""
    _state(Incarnation.of(os.getpid())).write(tmp_path / "state.json")

    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_living_supervisor_means_that_the_stack_runs(tmp_path: Path):
    """This very process is one."""
    _state(Incarnation.of(os.getpid())).write(tmp_path / "state.json")

    assert running_stack(tmp_path / "state.json") is not None


def test_a_pid_that_somebody_else_has_now_is_not_the_supervisor(tmp_path: Path):
    """The same pid with another start time is another process."""
    _state(Incarnation(pid=os.getpid(), started=1.0)).write(tmp_path / "state.json")

    assert running_stack(tmp_path / "state.json") is None


def test_a_zombie_does_not_run():
    """A process that has ended but was not waited for counts as ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        incarnation = Incarnation.of(child.pid)
        alive = incarnation.process() is not None
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

        assert alive
        assert incarnation.process() is None


def test_no_file_and_a_broken_file_mean_that_nothing_runs(tmp_path: Path):
    """A supervisor that was never there and a disk that was full look alike."""
    (tmp_path / "broken.json").write_text('{"supervisor": {"pi')

    assert running_stack(tmp_path / "state.json") is None
    assert running_stack(tmp_path / "broken.json") is None
