"""The folder of a test run stands among everybody's: in it are a superuser's password and the locks of all workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from promenade_chassis.testing.backends import RUN, run_folder, sweep_runs
from promenade_chassis.testing.scratch import own_folder


@pytest.mark.parametrize(("user", "mode"), [(0, 0o711), (1000, 0o700)], ids=["root", "somebody"])
def test_others_do_not_look_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int, mode: int) -> None:
    """Only root lets the engines' account pass through: they run as himself for everybody else."""
    monkeypatch.setattr(os, "geteuid", lambda: user)

    folder = run_folder({RUN: str(tmp_path / "run")})

    assert folder.stat().st_mode & 0o777 == mode


def test_it_is_made_once(tmp_path: Path) -> None:
    """Whoever comes later finds it as it is."""
    environ = {RUN: str(tmp_path / "run")}
    run_folder(environ).chmod(0o500)

    assert run_folder(environ).stat().st_mode & 0o777 == 0o500


def test_a_folder_with_a_known_name_is_our_own(tmp_path: Path) -> None:
    """It is made for us alone, and found again."""
    folder = own_folder(tmp_path / "locks")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert own_folder(folder) == folder


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_anothers_folder_is_not_taken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Who was there first may have put links to our files into it, or have linked to a folder of ours."""
    other, ours = tmp_path / "locks", tmp_path / "ours"
    ours.mkdir()
    if kind == "link":
        other.symlink_to(ours)
    else:
        other.mkdir()
        monkeypatch.setattr(os, "geteuid", lambda: other.stat().st_uid + 1)

    with pytest.raises(PermissionError, match="somebody else"):
        own_folder(other)


LIVE = """
import sys, tempfile, time
from promenade_chassis.testing.backends import announce_run

tempfile.tempdir = sys.argv[1]
(announce_run({}) / "home" / "data").mkdir(parents=True)
print("lives", flush=True)
time.sleep(600)
"""


def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """It would fill the memory that it is in; whoever lives keeps what is his."""
    dead, living = (_run_in(tmp_path) for _ in range(2))
    folders = [*tmp_path.iterdir()]

    dead.kill()
    dead.communicate()
    sweep_runs(tmp_path)
    left = [folder.exists() for folder in folders]
    living.kill()
    living.communicate()
    sweep_runs(tmp_path)

    assert sorted(left) == [False, True]
    assert [*tmp_path.iterdir()] == []


def test_a_trap_is_not_swept(tmp_path: Path) -> None:
    """A link among everybody's folders, to something of ours that looks like a run that was killed."""
    ours = tmp_path / "ours"
    (ours / "home" / "data").mkdir(parents=True)
    (ours / "owned.lock").touch()
    (tmp_path / "promenade-test-trap").symlink_to(ours)

    sweep_runs(tmp_path)

    assert (ours / "home" / "data").is_dir()


def _run_in(parent: Path) -> subprocess.Popen[bytes]:
    run = subprocess.Popen([sys.executable, "-c", LIVE, str(parent)], stdout=subprocess.PIPE)
    assert run.stdout is not None
    assert run.stdout.readline() == b"lives\n"
    return run
