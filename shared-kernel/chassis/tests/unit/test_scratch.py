"""Where the temporary files of a run are."""

import os
import tempfile
from pathlib import Path

import pytest
from promenade_chassis.testing import scratch
from promenade_chassis.testing.scratch import TEMPORARY, choose_scratch


@pytest.fixture(autouse=True)
def _tempdir_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with all the room that is needed."""
    monkeypatch.setattr(scratch, "NEEDED", 1)
    return tmp_path


def test_temporary_files_are_in_memory_where_there_is_room(roomy: Path) -> None:
    """For this process and those it starts."""
    environ: dict[str, str] = {}

    choose_scratch(environ, roomy)

    assert environ == {TEMPORARY: str(roomy)}
    assert tempfile.tempdir is None


def test_who_names_a_folder_gets_it(roomy: Path) -> None:
    """TMPDIR is the user's word."""
    environ = {TEMPORARY: "/somewhere"}

    choose_scratch(environ, roomy)

    assert environ == {TEMPORARY: "/somewhere"}


@pytest.mark.parametrize("lack", ["room", "folder", "execution"])
def test_otherwise_they_are_where_they_always_are(lack: str, roomy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room, no such folder, or one in which no program may run."""
    if lack == "room":
        monkeypatch.setattr(scratch, "NEEDED", 2**80)
    if lack == "execution":
        real = os.statvfs(roomy)
        answer = os.statvfs_result((*real[:8], real.f_flag | os.ST_NOEXEC, real.f_namemax))
        monkeypatch.setattr(os, "statvfs", lambda folder: answer)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]  # the folder does not matter
    environ: dict[str, str] = {}

    choose_scratch(environ, roomy / "missing" if lack == "folder" else roomy)

    assert environ == {}
