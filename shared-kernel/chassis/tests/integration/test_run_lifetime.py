"""A test run's engines end with it, however it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from promenade_chassis.embedded.network import is_free
from promenade_chassis.testing.backends import OWNER, RUN
from promenade_chassis.testing.polling import eventually_blocking, stretched

TESTS = """
import os, time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(4))
def test_note_the_server(backends, number):
    Path(f"server-{number}").write_text(backends.postgres_url)

def test_die(backends):
    if "DIE" in os.environ:
        os._exit(1)

def test_hang(backends):
    Path("hanging").touch()
    time.sleep(60 if "HANG" in os.environ else 0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a few tests that use the engines."""
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.mark.long
def test_workers_share_one_pair_and_leave_none(project: Path):
    """Although a worker dies in the middle, the others go on with the same engines; nothing listens afterwards."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:hypothesispytest"]

    done = subprocess.run(
        command, cwd=project, env=_environment(DIE="yes"), capture_output=True, timeout=stretched(90), check=False
    )

    assert b"1 failed, 5 passed" in done.stdout
    assert len(_servers(project)) == 1
    _assert_gone(project)


@pytest.mark.long
def test_kill_9_of_the_run_leaves_no_engine(project: Path):
    """Even a run that cannot clean up leaves nothing behind."""
    run = subprocess.Popen([sys.executable, "-m", "pytest", "-q"], cwd=project, env=_environment(HANG="yes"))
    eventually_blocking((project / "hanging").stat, within=30)

    run.kill()
    run.wait()

    eventually_blocking(lambda: _assert_gone(project), within=20)


def _environment(**more: str) -> dict[str, str]:
    """As at the start of a run: nested runs would share our engines otherwise."""
    hidden = {RUN, OWNER, "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, "PROMENADE_TEST_BACKEND": "embedded", **more}


def _servers(project: Path) -> set[str]:
    return {file.read_text() for file in project.glob("server-*")}


def _assert_gone(project: Path) -> None:
    ports = [int(url.rsplit(":", 1)[1].split("/")[0]) for url in _servers(project)]
    assert ports
    assert all(is_free(port) for port in ports)
