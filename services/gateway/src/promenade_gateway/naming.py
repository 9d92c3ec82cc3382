"""Under which name a request is counted and logged: a template, whatever the client wrote into its path.

The service that answers tells its template. What never reached one is counted under a name of a fixed set, and logged
under its path without anything that may be an id or a secret.
"""

from __future__ import annotations

import re

from promenade_gateway.public_routes import PUBLIC_ROUTES
from promenade_gateway.routes import Route

NO_ROUTE = "none"
_FIXED = frozenset({route.path for route in PUBLIC_ROUTES} | {NO_ROUTE})
# What people name routes with: lower-case words, no digits but in a version.
_WORD = re.compile(r"v\d{1,2}|\{[a-z_]+\}|(?=.{1,30}$)\.?[a-z]+(?:[-_.][a-z]+)*")
_API_SEGMENTS = 4  # the empty one, `api`, `v1` and the context


def told_route(value: bytes | None) -> str | None:
    """The template a service has named in its answer, if it knew the route."""
    return None if value is None or value == b"none" else value.decode("latin-1")


def counted_route(route: Route | None) -> str:
    """One of few names: of a listed route its template, else of whose it would be."""
    if route is None:
        return NO_ROUTE
    if route.template in _FIXED:
        return route.template
    parts = route.template.split("/")
    kept = parts[:_API_SEGMENTS] if route.context is not None else parts[:2]
    return "/".join([*kept, "*"])


def logged_route(route: Route | None) -> str | None:
    """The path in words; `*` stands for a segment that is none."""
    if route is None:
        return None
    if route.template in _FIXED:
        return route.template
    return "/".join(part if not part or _WORD.fullmatch(part) else "*" for part in route.template.split("/"))
