"""Where each context's database and the Redis are: of the stack that runs here, or of the profile's configuration."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from promenade_chassis.config import ConfigurationError, load_settings
from promenade_chassis.embedded.databases import database_name
from promenade_chassis.embedded.postgres import PostgresEngine
from promenade_chassis.embedded.valkey import ValkeyEngine

from promenade_local.environment import config_folder
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.names import CONTEXTS
from promenade_local.state import StackState, running_stack


@dataclass(frozen=True, slots=True)
class Site:
    """One context. `fault` says why its database is not known."""

    context: str
    database_url: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Sites:
    """All contexts. `redis_url` is None where a memory bus carries the events."""

    contexts: tuple[Site, ...]
    redis_url: str | None


def find_sites(home: Home, environ: Mapping[str, str] = os.environ) -> Sites:
    """The stack that runs on this home; without one, the profile that PROMENADE_PROFILE names.

    A profile reads one `${PROMENADE_DATABASE_URL}` a service; here `PROMENADE_BILLING_DATABASE_URL` is that of one.
    """
    state = running_stack(home.state)
    if state is not None:
        return _of_stack(home, state)
    profile = environ.get("PROMENADE_PROFILE", "embedded")
    if profile == "embedded":
        raise StackError(
            f"nothing runs on the home {home.root}: start it with promenade up,"
            " or name the profile of engines of your own, as in PROMENADE_PROFILE=dev"
        )
    return _of_profile(profile, environ)


def _of_stack(home: Home, state: StackState) -> Sites:
    ports = {row.name: row.port for row in state.processes}
    postgres = PostgresEngine(home.root, ports["postgres"])
    names = {context: database_name(context) for context in CONTEXTS}
    valkey = ValkeyEngine(home.root, ports["valkey"])
    return Sites(
        contexts=tuple(Site(context, postgres.url(name, name)) for context, name in names.items()),
        redis_url=None if state.single else f"{valkey.url}/0",
    )


def _of_profile(profile: str, environ: Mapping[str, str]) -> Sites:
    surroundings = {**environ, **config_folder(profile, environ)}
    sites: list[Site] = []
    redis_url: str | None = None
    for context in CONTEXTS:
        own = environ.get(f"PROMENADE_{database_name(context).upper()}_DATABASE_URL")
        try:
            settings = load_settings(context, {**surroundings, **({"PROMENADE_DATABASE_URL": own} if own else {})})
        except ConfigurationError as error:
            sites.append(Site(context, "", str(error)))
            continue
        sites.append(Site(context, settings.database.url))
        if settings.bus.adapter == "redis":
            redis_url = settings.redis.url
    return Sites(tuple(sites), redis_url)
