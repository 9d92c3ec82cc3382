"""The environment of each process: its ports, its database, and where the others are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from promenade_chassis.embedded.databases import database_name
from promenade_chassis.embedded.network import LOOPBACK
from promenade_chassis.embedded.postgres import PostgresEngine
from promenade_chassis.embedded.valkey import ValkeyEngine

from promenade_local.home import Home
from promenade_local.state import StackState


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every process of one stack has to know."""

    home: Home
    profile: str
    ports: Mapping[str, int]
    admin_ports: Mapping[str, int]
    postgres: PostgresEngine
    valkey: ValkeyEngine

    @classmethod
    def of_stack(cls, home: Home, state: StackState) -> "Surroundings":
        """Those of a stack that runs; no metrics, for its own processes have those ports."""
        ports = {row.name: row.port for row in state.processes}
        engines = PostgresEngine(home.root, ports["postgres"]), ValkeyEngine(home.root, ports["valkey"])
        return cls(home, state.profile, ports, dict.fromkeys(ports, 0), *engines)

    def of(self, name: str) -> dict[str, str]:
        """The whole environment of one application."""
        own = self._gateway() if name == "gateway" else self._service(name)
        return {
            **self.common(),
            "PROMENADE_HTTP__HOST": LOOPBACK,
            "PROMENADE_HTTP__PORT": str(self.ports[name]),
            "PROMENADE_ADMIN__HOST": LOOPBACK,
            "PROMENADE_ADMIN__PORT": str(self.admin_ports[name]),
            "PROMENADE_AUTH__JWKS_CACHE": str(self.home.root / f"jwks-{name}.json"),
            **own,
        }

    def common(self) -> dict[str, str]:
        """What does not differ from one application to the other; the caller's own variables pass through."""
        return {
            **os.environ,
            **config_folder(self.profile),
            "PYTHONUNBUFFERED": "1",
            "PROMENADE_HOME": str(self.home.root),
            "PROMENADE_PROFILE": self.profile,
            "PROMENADE_REDIS__URL": f"{self.valkey.url}/0",
            "PROMENADE_AUTH__ISSUER": self.url("gateway"),
            "PROMENADE_AUTH__JWKS_URL": f"{self.url('identity')}/.well-known/jwks.json",
        }

    def url(self, name: str) -> str:
        """Where an application answers."""
        return f"http://{LOOPBACK}:{self.ports[name]}"

    def _service(self, context: str) -> dict[str, str]:
        name = database_name(context)
        settings = {
            "PROMENADE_DATABASE__URL": self.postgres.url(name, name),
            "PROMENADE_CURSOR_KEY": self.home.cursor_key(),
        }
        if context == "identity":
            settings["AUTH_KEY_SECRET"] = self.home.auth_key_secret()
            settings["PROMENADE_MAIL__DIRECTORY"] = str(self.home.mail)
        return settings

    def _gateway(self) -> dict[str, str]:
        upstreams = {name: [self.url(name)] for name in self.ports if name not in ("gateway", "postgres", "valkey")}
        return {"PROMENADE_GATEWAY__UPSTREAMS": msgspec.json.encode(upstreams).decode()}


def config_folder(profile: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """PROMENADE_CONFIG_DIR, unless the caller has set it: the profiles of the checkout that this module is part of."""
    folder = Path(__file__).resolve().parents[4] / "config"
    if "PROMENADE_CONFIG_DIR" in environ or not (folder / f"{profile}.yaml").is_file():
        return {}
    return {"PROMENADE_CONFIG_DIR": str(folder)}
