"""Where `promenade identity` runs."""

import os
from pathlib import Path

import pytest
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.identity_command import identity_environment
from promenade_local.names import NAMES
from promenade_local.state import Incarnation, Row, StackState

CONFIG = Path(__file__).resolve().parents[4] / "config"


def test_the_stack_on_this_home_comes_first(tmp_path: Path):
    """Its database, its secret, its Redis; no metrics, for the running process has their port."""
    home = Home(tmp_path / "home")
    home.prepare()
    rows = [Row(name=name, port=7000 + number) for number, name in enumerate(NAMES)]
    me = Incarnation.of(os.getpid())
    StackState(supervisor=me, port=7000, profile="embedded", single=False, processes=rows).write(home.state)
    ports = {row.name: row.port for row in rows}

    found = identity_environment(home, {"PROMENADE_PROFILE": "dev"})

    assert found["PROMENADE_PROFILE"] == "embedded"
    assert found["PROMENADE_DATABASE__URL"] == f"postgresql://identity@127.0.0.1:{ports['postgres']}/identity"
    assert found["PROMENADE_REDIS__URL"] == f"redis://127.0.0.1:{ports['valkey']}/0"
    assert found["AUTH_KEY_SECRET"] == home.auth_key_secret()
    assert found["PROMENADE_ADMIN__PORT"] == "0"


def test_without_a_stack_somebody_has_to_say_where(tmp_path: Path):
    """The embedded profile has no addresses of its own."""
    with pytest.raises(StackError, match="promenade up"):
        identity_environment(Home(tmp_path), {})


def test_a_profile_names_the_engines(tmp_path: Path):
    """As the service itself would read it, with the variables of whoever asks."""
    environ = {"PROMENADE_PROFILE": "dev", "AUTH_KEY_SECRET": "from outside"}

    found = identity_environment(Home(tmp_path), environ)

    assert found == {**environ, "PROMENADE_CONFIG_DIR": str(CONFIG)}
