"""The folder of a test run stands among everybody's: in it are a superuser's password and the locks of all workers."""

import os
from pathlib import Path

import pytest
from promenade_chassis.testing.backends import RUN, run_folder
from promenade_chassis.testing.redis_databases import own_folder


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
