"""Where `promenade events` looks."""

import os
from pathlib import Path

import pytest
from promenade_local.errors import StackError
from promenade_local.event_sites import find_sites
from promenade_local.home import Home
from promenade_local.names import CONTEXTS
from promenade_local.state import Incarnation, Row, StackState

CONFIG = Path(__file__).resolve().parents[4] / "config"


def home_of_a_stack(folder: Path, *, single: bool = False) -> Home:
    """A home whose supervisor lives: it is this process."""
    home = Home(folder)
    home.prepare()
    rows = [Row(name="postgres", port=7001), Row(name="valkey", port=7002)]
    me = Incarnation.of(os.getpid())
    StackState(supervisor=me, port=7000, profile="embedded", single=single, processes=rows).write(home.state)
    return home


def test_the_stack_on_this_home_comes_first(tmp_path: Path):
    """Its ports, each context's own database and role; a profile in the environment does not matter."""
    sites = find_sites(home_of_a_stack(tmp_path / "home"), {"PROMENADE_PROFILE": "dev"})

    assert [site.context for site in sites.contexts] == list(CONTEXTS)
    assert sites.contexts[2].database_url == "postgresql://order_management@127.0.0.1:7001/order_management"
    assert sites.redis_url == "redis://127.0.0.1:7002/0"


def test_the_one_process_stack_has_no_streams(tmp_path: Path):
    """A memory bus carries its events."""
    assert find_sites(home_of_a_stack(tmp_path / "home", single=True), {}).redis_url is None


def test_without_a_stack_somebody_has_to_say_where(tmp_path: Path):
    """The embedded profile has no addresses of its own."""
    with pytest.raises(StackError, match="promenade up"):
        find_sites(Home(tmp_path), {})


def test_a_profile_names_the_engines(tmp_path: Path):
    """Those of `dev`."""
    environ = {"PROMENADE_PROFILE": "dev", "PROMENADE_CONFIG_DIR": str(CONFIG)}

    sites = find_sites(Home(tmp_path), environ)

    assert sites.contexts[3].database_url == "postgresql://billing@127.0.0.1:5432/billing"
    assert sites.redis_url == "redis://127.0.0.1:6379/0"


def test_what_a_profile_does_not_tell_of_one_context_is_its_fault_alone(tmp_path: Path):
    """Each may have a variable of its own; Identity lacks a secret here and is named."""
    environ = {
        "PROMENADE_PROFILE": "prod",
        "PROMENADE_CONFIG_DIR": str(CONFIG),
        "PROMENADE_PUBLIC_URL": "https://example.com",
        "PROMENADE_JWKS_URL": "https://example.com/jwks.json",
        "PROMENADE_REDIS_URL": "redis://redis:6379/0",
        "PROMENADE_DATABASE_URL": "postgresql://somebody@db/somewhere",
        "PROMENADE_ORDER_MANAGEMENT_DATABASE_URL": "postgresql://reader@db/order_management",
    }

    identity, customers, orders, billing = find_sites(Home(tmp_path), environ).contexts

    assert "AUTH_KEY_SECRET" in identity.fault
    assert (customers.fault, orders.fault, billing.fault) == ("", "", "")
    assert orders.database_url == "postgresql://reader@db/order_management"
    assert billing.database_url == "postgresql://somebody@db/somewhere"
