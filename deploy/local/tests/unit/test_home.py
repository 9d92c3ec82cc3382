"""The folder of a stack and what is made in it."""

import os
import stat
from pathlib import Path

import pytest
from promenade_local.credentials import EMAIL, keep_credentials, pending_credentials
from promenade_local.errors import StackError
from promenade_local.home import Home, HomeInUse


def test_the_home_is_below_the_current_directory_unless_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """$PROMENADE_HOME wins, and may be relative."""
    monkeypatch.chdir(tmp_path)

    assert Home.find({}).root == tmp_path / ".promenade"
    assert Home.find({"PROMENADE_HOME": "elsewhere"}).root == tmp_path / "elsewhere"


def test_nobody_else_can_list_a_new_home(tmp_path: Path):
    """At most others may pass through, which root's engines need."""
    home = Home(tmp_path / "deep" / "home")

    home.prepare()

    assert stat.S_IMODE(home.root.stat().st_mode) & 0o066 == 0
    assert stat.S_IMODE(home.mail.stat().st_mode) == 0o700


def test_a_home_that_exists_keeps_its_permissions(tmp_path: Path):
    """Whoever made the folder knew why."""
    home = Home(tmp_path)
    tmp_path.chmod(0o750)

    home.prepare()

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_file_is_no_home(tmp_path: Path):
    """The message says what is in the way."""
    (tmp_path / "home").touch()

    with pytest.raises(StackError, match="is not a folder"):
        Home(tmp_path / "home").prepare()


def test_a_home_has_one_supervisor_at_a_time(tmp_path: Path):
    """The second is refused; when the first lets go, the next may have it."""
    home = Home(tmp_path)

    with home.held(), pytest.raises(HomeInUse), home.held():
        pass
    with home.held():
        pass


def test_the_key_secret_is_made_once_for_its_owner_alone(tmp_path: Path):
    """Other keys could not open what was sealed with the first."""
    home = Home(tmp_path)

    first = home.auth_key_secret()

    assert home.auth_key_secret() == first
    assert stat.S_IMODE((tmp_path / "auth-key-secret").stat().st_mode) == 0o600


def test_an_interrupted_first_start_keeps_its_password(tmp_path: Path):
    """The superadmin may have been made already; only credentials that work are published."""
    home = Home(tmp_path)

    first = pending_credentials(home)
    published = home.credentials.exists()
    again = pending_credentials(home)
    keep_credentials(home)

    assert not published
    assert again == first
    assert first.email == EMAIL
    assert stat.S_IMODE(home.credentials.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["credentials.json"]
