"""The process table: seven names, their ports, and which process serves which name."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from promenade_chassis.embedded.databases import database_name
from promenade_chassis.embedded.launch import Launch
from promenade_chassis.embedded.network import is_free, next_free_port
from promenade_chassis.embedded.postgres import PostgresEngine
from promenade_chassis.embedded.valkey import ValkeyEngine

from promenade_local.environment import Surroundings
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.names import CONTEXTS, GATEWAY, NAMES, SUITE
from promenade_local.state import Row
from promenade_local.units import Unit


@dataclass(frozen=True, slots=True)
class Options:
    """What `promenade up` was asked for."""

    port: int = 8000
    single: bool = False
    profile: str = "embedded"
    start_within: float = 90.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each name listens, and where its metrics are."""

    by_name: Mapping[str, int]
    admin: Mapping[str, int]


def choose_ports(gateway: int) -> Ports:
    """The gateway's port as asked, the others on the next free ones. StackError when the first is busy."""
    if not is_free(gateway):
        raise StackError(f"port {gateway} is busy: something else listens on 127.0.0.1:{gateway}; try --port")
    chosen = [gateway]
    for _ in range(len(NAMES) - 1 + len(CONTEXTS) + 1):
        chosen.append(next_free_port(after=chosen[-1]))
    applications = (GATEWAY, *CONTEXTS)
    return Ports(
        by_name=dict(zip(NAMES, chosen, strict=False)),
        admin=dict(zip(applications, chosen[len(NAMES) :], strict=True)),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that shall run, in the order of starting; it stops in the opposite order."""

    engines: tuple[Unit, ...]
    services: tuple[Unit, ...]
    gateway: tuple[Unit, ...]
    postgres: PostgresEngine
    valkey: ValkeyEngine
    ports: Ports
    surroundings: Surroundings

    @property
    def rows(self) -> list[Row]:
        """The rows of `status`, in their order."""
        found = {row.name: row for unit in (*self.gateway, *self.services, *self.engines) for row in unit.rows}
        return [found[name] for name in NAMES]

    def command(self, context: str, *arguments: str) -> Launch:
        """`python -m promenade_<context> …` in the context's environment."""
        return _python(self.surroundings, context, *arguments)


def make_plan(home: Home, options: Options, ports: Ports) -> Plan:
    """The process table for these options. `single` differs in nothing but its applications' one process."""
    postgres = PostgresEngine(home.root, ports.by_name["postgres"])
    valkey = ValkeyEngine(home.root, ports.by_name["valkey"])
    surroundings = Surroundings(home, options.profile, ports.by_name, ports.admin, postgres, valkey)
    engines = tuple(
        Unit(
            name=engine.name,
            rows=(Row(name=engine.name, port=engine.port),),
            command=engine.command,
            log=home.log(engine.name),
            prepare_restart=engine.prepare_restart,
            stop_within=20.0,
        )
        for engine in (postgres, valkey)
    )
    applications = [_application(surroundings, name) for name in (GATEWAY, *CONTEXTS)]
    gateway, services = applications[:1], applications[1:]
    if options.single:
        gateway, services = [], [_suite(surroundings)]
    return Plan(
        engines=engines,
        services=tuple(services),
        gateway=tuple(gateway),
        postgres=postgres,
        valkey=valkey,
        ports=ports,
        surroundings=surroundings,
    )


def _application(surroundings: Surroundings, name: str) -> Unit:
    role = "serve" if name == GATEWAY else "all"
    return Unit(
        name=name,
        rows=(Row(name=name, port=surroundings.ports[name]),),
        command=lambda: _python(surroundings, name, role),
        log=surroundings.home.log(name),
    )


def _suite(surroundings: Surroundings) -> Unit:
    names = (GATEWAY, *CONTEXTS)
    environments = {name: surroundings.of(name) for name in names}
    launch = Launch(
        argv=(sys.executable, "-m", "promenade_local.single"),
        cwd=surroundings.home.root,
        env={
            **surroundings.common(),
            "PROMENADE_BUS__ADAPTER": "memory",
            "PROMENADE_SINGLE": msgspec.json.encode(environments).decode(),
        },
    )
    return Unit(
        name=SUITE,
        rows=tuple(Row(name=name, port=surroundings.ports[name]) for name in names),
        command=lambda: launch,
        log=surroundings.home.log(SUITE),
    )


def _python(surroundings: Surroundings, name: str, *arguments: str) -> Launch:
    return Launch(
        argv=(sys.executable, "-m", f"promenade_{database_name(name)}", *arguments),
        cwd=surroundings.home.root,
        env=surroundings.of(name),
    )
