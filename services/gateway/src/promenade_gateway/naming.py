"""Under which name a request is counted and logged: a template, whatever the client wrote into its path.

The service that answers tells its template. What never reached one is counted under a name of a fixed set, and logged
under its path without anything that may be an id or a secret.
"""

from __future__ import annotations

import re
from functools import lru_cache

from promenade_gateway.public_routes import PUBLIC_ROUTES
from promenade_gateway.routes import SHORT, Route

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
    segments = _API_SEGMENTS if route.context is not None else 2
    name = _name_of if len(route.template) < SHORT else _name
    return name(route.template, segments)


def logged_route(route: Route | None) -> str | None:
    """The path in words; `*` stands for a segment that is none."""
    if route is None:
        return None
    return _words_of(route.template) if len(route.template) < SHORT else _words(route.template)


def _name(template: str, segments: int) -> str:
    return template if template in _FIXED else "/".join([*template.split("/")[:segments], "*"])


def _words(template: str) -> str:
    if template in _FIXED:
        return template
    return "/".join(part if not part or _WORD.fullmatch(part) else "*" for part in template.split("/"))


# Few templates are asked for again and again; long ones are not kept.
_name_of = lru_cache(maxsize=4096)(_name)
_words_of = lru_cache(maxsize=4096)(_words)
