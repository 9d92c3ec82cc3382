"""The route table: which request goes where, who may send it, and under which name it is logged."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from promenade_chassis.http.framework_errors import MethodNotAllowed
from promenade_chassis.ports import NotFound

from promenade_gateway.limits import LimitClass
from promenade_gateway.paths import segments_of
from promenade_gateway.public_routes import PUBLIC_ROUTES, PublicRoute

API = ("api", "v1")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OWN_PAGES = frozenset(
    {"health", "problems", "openapi.json", "docs", "events", "asyncapi.yaml", "favicon.ico", "robots.txt"}
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

SHORT = 200  # longer paths are not remembered

BodyClass = Literal["ordinary", "import", "credentials"]


@dataclass(frozen=True, slots=True)
class Route:
    """Where one request goes.

    `context` is None for the gateway's own pages; `target` replaces the request's own path where it differs.
    `template` is the path without ids, for logs.
    """

    context: str | None
    template: str
    public: bool = False
    limit: LimitClass | None = None
    body: BodyClass = "ordinary"
    target: bytes | None = None
    probe: bool = False


# Requests that lead nowhere are counted like all others.
NOWHERE = Route(None, "none", public=True)


class RouteTable:
    """Built once from the names of the configured contexts."""

    def __init__(self, contexts: Collection[str], public: Sequence[PublicRoute] = PUBLIC_ROUTES) -> None:
        self._contexts = frozenset(contexts)
        self._known = lru_cache(maxsize=4096)(self._find)
        self._fixed = {(route.method, route.path): route for route in public if "{" not in route.path}
        self._patterns: dict[tuple[str, int], list[tuple[re.Pattern[str], PublicRoute]]] = {}
        for route in public:
            if "{" in route.path:
                shape = (route.method, route.path.count("/"))
                self._patterns.setdefault(shape, []).append((_pattern_of(route.path), route))

    def find(self, method: str, raw_path: bytes) -> Route:
        """The route of a request; raises `BadPath`, `MethodNotAllowed` or `NotFound`."""
        return self._known(method, raw_path) if len(raw_path) < SHORT else self._find(method, raw_path)

    def _find(self, method: str, raw_path: bytes) -> Route:
        if method not in METHODS:  # who knows what a service, or its server, would make of it
            raise MethodNotAllowed(f"{method} is not possible here", headers={"Allow": ", ".join(METHODS)})
        segments = segments_of(raw_path)
        path = "/" + "/".join(segments)
        public = self._public("GET" if method == "HEAD" else method, path)
        if segments[:2] == API and len(segments) > 2 and segments[2] in self._contexts:
            return _api_route(method, segments, public)
        if path == "/.well-known/jwks.json" and "identity" in self._contexts:
            return Route("identity", path, public=True)
        if segments[:1] == ("openapi",) and len(segments) == 2:
            return self._specification(segments[1])
        if not segments or segments[0] in OWN_PAGES:
            probe = path in ("/health/live", "/health/ready")
            return Route(None, public.path if public else path, public=True, probe=probe)
        raise NotFound(f"There is nothing at {path}")

    def _public(self, method: str, path: str) -> PublicRoute | None:
        found = self._fixed.get((method, path))
        if found is not None:
            return found
        for pattern, route in self._patterns.get((method, path.count("/")), ()):
            if pattern.fullmatch(path):
                return route
        return None

    def _specification(self, name: str) -> Route:
        context, dot, suffix = name.rpartition(".")
        template = "/openapi/{service}.json"
        if dot and suffix == "json" and context in self._contexts:
            return Route(context, template, public=True, target=b"/openapi.json")
        if name == "gateway.json":
            return Route(None, template, public=True, target=b"/openapi.json")
        raise NotFound(f"There is no service '{context}'")


def _api_route(method: str, segments: tuple[str, ...], public: PublicRoute | None) -> Route:
    context = segments[2]
    body: BodyClass
    if public is None:
        is_import = method == "POST" and segments[-1] == "imports"
        named = ["{id}" if len(segment) == 36 and _UUID.fullmatch(segment) else segment for segment in segments]
        template = "/" + "/".join(named)
        body = "import" if is_import else "ordinary"
        return Route(context, template, body=body)
    body = "credentials" if public.limit else "ordinary"
    return Route(context, public.path, public=True, limit=public.limit, body=body)


def _pattern_of(path: str) -> re.Pattern[str]:
    pattern = re.escape(path)
    pattern = re.sub(r"\\{[a-z_]+:uuid\\}", lambda _: _UUID.pattern, pattern)
    return re.compile(re.sub(r"\\{[a-z_]+\\}", lambda _: "[^/]+", pattern))
