"""Who may call a route: declared on every route, enforced by one guard, checked at start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from promenade_kernel.values.permissions import PERMISSIONS

from promenade_chassis.http.layers import Layer
from promenade_chassis.ports import Principal, Unauthenticated

Connection = ASGIConnection[Any, Any, Any, Any]


class UndeclaredAccess(RuntimeError):
    """A route without a declared permission does not start."""


@dataclass(frozen=True, slots=True)
class Access:
    """The declaration, given to a route as `access=`.

    `public`: anybody. `own`: any signed-in user, for what is his own; `permission` then names what staff need
    for everybody's. `permission`: only who holds it.
    """

    kind: Literal["public", "own", "permission"]
    permission: str | None = None

    def describe(self) -> str:
        """One line for the documentation."""
        if self.kind == "public":
            return "Public."
        if self.kind == "permission":
            return f"Needs the permission `{self.permission}`."
        staff = f"; with `{self.permission}` anybody's" if self.permission else ""
        return f"Signed in, for one's own{staff}."


def public() -> Access:
    """Anybody may call the route, signed in or not."""
    return Access("public")


def own(staff: str | None = None) -> Access:
    """Signed-in users, for their own things; holders of `staff` for everybody's. The use case checks which."""
    return Access("own", _known(staff) if staff else None)


def permission(name: str) -> Access:
    """Only holders of the permission (`users:read`)."""
    return Access("permission", _known(name))


async def guard_access(connection: Connection, handler: BaseRouteHandler) -> None:
    """`require_access` as a guard of Litestar; raises 401 or 403. A guard that is no coroutine runs in a thread."""
    require_access(connection.scope, handler)


class AccessCheck(Layer):
    """The same for every route of an application, behind `Authentication`: before each guard Litestar copies the
    handler, which takes longer than looking.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Refuse with 401 or 403, or go on."""
        require_access(scope, scope["route_handler"])
        await next_app(scope, receive, send)


def require_access(scope: Any, handler: Any) -> None:
    """Raise 401 or 403 unless the caller may use the handler."""
    access: Access | None = handler.opt.get("access")
    if access is None:
        # Litestar answers OPTIONS by itself, with nothing but the allowed methods.
        if set(handler.http_methods) == {"OPTIONS"}:
            return
        raise UndeclaredAccess(str(handler))
    if access.kind == "public":
        return
    principal = principal_of(scope)
    if principal is None:
        raise Unauthenticated
    if access.kind == "permission" and access.permission is not None:
        principal.require(access.permission)


def principal_of(scope: Any) -> Principal | None:
    """The verified caller, or None."""
    return scope.get("state", {}).get("principal")


async def provide_principal(request: Request[Any, Any, Any]) -> Principal:
    """The dependency `principal`: routes that take it are never reached without one."""
    principal = principal_of(request.scope)
    if principal is None:
        raise Unauthenticated
    return principal


def declared_access(app: Litestar) -> list[tuple[str, str, Access]]:
    """Every route's (method, path, access); raises `UndeclaredAccess` for a route that declares none."""
    table: list[tuple[str, str, Access]] = []
    for route in app.routes:
        # Routes of other kinds (websocket, ASGI) have a single handler under another name.
        for handler in getattr(route, "route_handlers", [None]):
            if not isinstance(handler, HTTPRouteHandler):
                raise UndeclaredAccess(f"{route.path} is no HTTP route, and nothing guards others")
            methods = sorted(handler.http_methods - {"OPTIONS"})
            if not methods:
                continue
            access = handler.opt.get("access")
            if not isinstance(access, Access):
                raise UndeclaredAccess(f"{', '.join(methods)} {route.path} declares no access")
            table += [(str(method), route.path, access) for method in methods]
    return table


def _known(name: str) -> str:
    if name not in PERMISSIONS:
        raise UndeclaredAccess(f"the kernel's catalogue has no permission {name}")
    return name
