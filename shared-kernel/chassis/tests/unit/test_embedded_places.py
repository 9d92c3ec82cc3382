"""Where the engines' programs and data go, decided without starting any."""

import os
import socket
import stat
from pathlib import Path

import pytest
from promenade_chassis.embedded import placement
from promenade_chassis.embedded.account import Account
from promenade_chassis.embedded.errors import EngineError
from promenade_chassis.embedded.installation import shared_folder
from promenade_chassis.embedded.network import LOOPBACK, any_free_port, is_free, next_free_port
from promenade_chassis.embedded.placement import data_folder, remove_data

STRANGER = Account(name="stranger", uid=54_321, gid=54_321)
OURSELVES = Account(name="ourselves", uid=os.geteuid(), gid=os.getegid())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that a stranger cannot enter, whatever the folders above it allow."""
    closed = tmp_path / "a home"
    closed.mkdir(mode=0o700)
    return closed


def test_a_stranger_cannot_enter_a_closed_folder(home: Path):
    """Search permission is needed on the folder itself and on each above it."""
    inner = home / "inner"
    inner.mkdir(mode=0o777)

    assert not STRANGER.may_enter(inner)
    assert OURSELVES.may_enter(inner)


def test_data_stay_in_a_home_that_the_engine_can_enter(home: Path):
    """Without another account there is nothing to point to."""
    assert data_folder(home, None) == home / "data"
    assert not (home / "data").is_symlink()


def test_a_strict_umask_does_not_shut_the_engine_out(home: Path, monkeypatch: pytest.MonkeyPatch):
    """The data folder is made so that the engine's user can pass through it."""
    monkeypatch.setattr(Account, "may_enter", lambda *_: True)
    before = os.umask(0o077)

    try:
        made = data_folder(home, STRANGER)
    finally:
        os.umask(before)

    assert stat.S_IMODE(made.stat().st_mode) == 0o755


def test_a_home_out_of_reach_gets_only_a_pointer(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The data go where the engine's user can reach them; no permission of the home changes."""
    monkeypatch.setattr(placement, "SHARED_FOLDERS", (tmp_path / "shared",))
    monkeypatch.setattr(Account, "may_enter", lambda _, folder: not folder.resolve().is_relative_to(home))
    before = stat.S_IMODE(home.stat().st_mode)

    first = data_folder(home, STRANGER)
    again = data_folder(home, STRANGER)

    assert first == again
    assert first.is_relative_to(tmp_path / "shared" / "data")
    assert [entry.name for entry in home.iterdir()] == ["data"]
    assert (home / "data").is_symlink()
    assert stat.S_IMODE(home.stat().st_mode) == before


def test_a_home_made_again_does_not_find_the_old_data(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The place outside is named afresh each time, not after the home."""
    monkeypatch.setattr(placement, "SHARED_FOLDERS", (tmp_path / "shared",))
    monkeypatch.setattr(Account, "may_enter", lambda _, folder: not folder.resolve().is_relative_to(home))

    first = data_folder(home, STRANGER)
    (home / "data").unlink()

    assert data_folder(home, STRANGER) != first


def test_removing_data_follows_the_pointer(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither the pointer nor what it points to is left."""
    monkeypatch.setattr(placement, "SHARED_FOLDERS", (tmp_path / "shared",))
    monkeypatch.setattr(Account, "may_enter", lambda _, folder: not folder.resolve().is_relative_to(home))
    elsewhere = data_folder(home, STRANGER)

    remove_data(home)

    assert not elsewhere.exists()
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_shared_folder_that_others_can_write_to_is_refused(tmp_path: Path, mode: int):
    """Nobody can slip us a program to run."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(EngineError, match="only this user can write"):
        shared_folder(folder, OURSELVES)


def test_a_shared_folder_that_is_a_link_is_refused(tmp_path: Path):
    """A link could lead anywhere."""
    (tmp_path / "real").mkdir()
    (tmp_path / "shared").symlink_to(tmp_path / "real")

    with pytest.raises(EngineError, match="only this user can write"):
        shared_folder(tmp_path / "shared", OURSELVES)


def test_the_next_free_port_skips_busy_and_promised_ones():
    """A port that is listened on and one that is taken are both passed over."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        busy = listener.getsockname()[1]
        promised = next_free_port(after=busy)

        assert not is_free(busy)
        assert next_free_port(after=busy - 1) > busy
        assert next_free_port(after=busy, taken={promised}) > promised


def test_any_free_port_is_free():
    """What the system gives can be listened on."""
    assert is_free(any_free_port())
