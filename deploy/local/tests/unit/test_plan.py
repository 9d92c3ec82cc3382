"""Which process serves which name, and on which port."""

import json
import socket
from pathlib import Path

import pytest
from promenade_chassis.embedded.network import LOOPBACK
from promenade_chassis.testing.ports import lent_port
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.names import CONTEXTS, NAMES
from promenade_local.plan import Options, choose_ports, make_plan


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is there."""
    found = Home(tmp_path / "a home")
    found.prepare()
    return found


def test_the_gateway_has_the_port_asked_for_and_the_others_the_next_free_ones():
    """No port is given twice, and none that somebody listens on."""
    asked = lent_port(room=20)
    busy = asked + 2
    with socket.create_server((LOOPBACK, busy)):
        ports = choose_ports(asked)

    everything = [*ports.by_name.values(), *ports.admin.values()]
    assert ports.by_name["gateway"] == asked
    assert tuple(ports.by_name) == NAMES
    assert len(set(everything)) == len(everything)
    assert busy not in everything
    assert everything == sorted(everything)


def test_a_busy_port_is_named():
    """The person sees which port it is and what to do."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        busy = listener.getsockname()[1]

        with pytest.raises(StackError, match=f"port {busy} is busy.*--port"):
            choose_ports(busy)


def test_status_has_seven_rows_in_their_order(home: Home):
    """The supervisor is none of them, in one process or in many."""
    ports = choose_ports(lent_port(room=20))

    for single in (False, True):
        plan = make_plan(home, Options(single=single), ports)

        assert [(row.name, row.port) for row in plan.rows] == list(ports.by_name.items())


def test_the_single_stack_differs_only_in_its_applications_process(home: Home):
    """One process serves five rows with the memory bus; the engines are the same."""
    plan = make_plan(home, Options(single=True), choose_ports(lent_port(room=20)))

    (suite,) = (*plan.services, *plan.gateway)
    launch = suite.command()

    assert [row.name for row in suite.rows] == ["gateway", *CONTEXTS]
    assert [unit.name for unit in plan.engines] == ["postgres", "valkey"]
    assert launch.env["PROMENADE_BUS__ADAPTER"] == "memory"
    assert list(json.loads(launch.env["PROMENADE_SINGLE"])) == ["gateway", *CONTEXTS]


def test_each_service_is_told_its_own_database_and_everybodys_issuer(home: Home):
    """The environment is the whole interface to a service."""
    ports = choose_ports(lent_port(room=20))
    plan = make_plan(home, Options(), ports)

    environment = plan.command("order-management", "all").env

    gateway, identity, postgres = (ports.by_name[name] for name in ("gateway", "identity", "postgres"))
    assert environment["PROMENADE_DATABASE__URL"] == (
        f"postgresql://order_management@127.0.0.1:{postgres}/order_management"
    )
    assert environment["PROMENADE_AUTH__ISSUER"] == f"http://127.0.0.1:{gateway}"
    assert environment["PROMENADE_AUTH__JWKS_URL"] == f"http://127.0.0.1:{identity}/.well-known/jwks.json"
    assert environment["PROMENADE_HTTP__PORT"] == str(ports.by_name["order-management"])
    assert environment["PROMENADE_ADMIN__PORT"] == str(ports.admin["order-management"])


def test_only_identity_knows_the_secret_that_seals_keys(home: Home):
    """A secret goes to the one process that needs it, and stays the same over restarts."""
    plan = make_plan(home, Options(), choose_ports(lent_port(room=20)))

    environments = {context: plan.command(context, "all").env for context in CONTEXTS}

    assert environments["identity"]["AUTH_KEY_SECRET"] == home.auth_key_secret()
    assert all("AUTH_KEY_SECRET" not in environments[context] for context in CONTEXTS[1:])


def test_every_service_signs_cursors_with_the_homes_key(home: Home):
    """It stays the same over restarts, and the gateway, which has no lists, does not have it."""
    plan = make_plan(home, Options(), choose_ports(lent_port(room=20)))
    (gateway,) = plan.gateway

    keys = {plan.command(context, "all").env["PROMENADE_CURSOR_KEY"] for context in CONTEXTS}

    assert keys == {home.cursor_key()} == {Home(home.root).cursor_key()}
    assert len(home.cursor_key()) >= 32
    assert "PROMENADE_CURSOR_KEY" not in gateway.command().env


def test_the_gateway_knows_where_every_service_is(home: Home):
    """One list of upstreams a context."""
    ports = choose_ports(lent_port(room=20))
    (gateway,) = make_plan(home, Options(), ports).gateway

    upstreams = json.loads(gateway.command().env["PROMENADE_GATEWAY__UPSTREAMS"])

    assert upstreams == {context: [f"http://127.0.0.1:{ports.by_name[context]}"] for context in CONTEXTS}
