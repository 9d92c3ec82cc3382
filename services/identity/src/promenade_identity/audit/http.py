"""The route of the audit trail, and what takes down each request that is refused."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from promenade_chassis.http.access import permission, principal_of
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.problems import request_id_of
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.ids import parse_id

from promenade_identity.audit import use_cases
from promenade_identity.audit.entity import Action, Details, Entry, Origin, receive, refused
from promenade_identity.audit.repository import TRAIL, EntryFilter
from promenade_identity.audit.use_cases import AuditRoom
from promenade_identity.caller import address_of, device_of
from promenade_identity.shapes import shape

log = structlog.get_logger(__name__)

# So long a refusal waits for its entry. One because something is away waits less: it may well be the database.
PATIENCE_SECONDS, PATIENCE_WHEN_AWAY_SECONDS = 5.0, 0.5
# What a path may name: an id, or a role. Anything else that somebody wrote there is none of the trail's business.
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class AuditEntry(msgspec.Struct, kw_only=True):
    """Who did what, to whom, and what came of it.

    `outcome` is `success` or the code of the problem that was answered with `status`. `actor` is the signed-in user,
    `subject` whom it was done to: a user's id, or the name of a role or key. `session_id`, `ip`, `device` and
    `request_id` are those of the request; null for what the system did by itself or was told on the command line.
    """

    id: UUID
    at: datetime
    # No enumeration: a client is to read what a later release has taken down.
    action: str
    outcome: str
    status: int | None
    actor: UUID | None
    subject: str | None
    session_id: UUID | None
    ip: str | None
    device: str | None
    request_id: str | None
    details: dict[str, str | int | bool | list[str] | None]


class AuditController(Controller):
    """/audit"""

    path = "/audit"
    tags = ("audit",)

    @listing(
        "/",
        TRAIL,
        access=permission(use_cases.READ),
        operation_id="list_audit_entries",
        summary="Read the audit trail",
    )
    async def list(
        self, asked: Asked[EntryFilter], audit_room: NamedDependency[AuditRoom]
    ) -> Response[Listing[AuditEntry]]:
        """What was done and what was refused, newest first. Entries are never changed or removed."""
        found = await use_cases.list_entries(asked.wanted, asked.page, room=audit_room)
        return listed(asked, found.map(_shown))


def _shown(entry: Entry) -> AuditEntry:
    origin = entry.origin
    return shape(
        AuditEntry,
        entry,
        session_id=origin.session_id,
        ip=origin.ip,
        device=origin.device,
        request_id=origin.request_id,
        details=dict(entry.details),
    )


class ScopeVisit:
    """The request in hand, read off its ASGI scope when it is asked: route and caller are found out on the way."""

    def __init__(self, scope: Any) -> None:
        self.subject: str | None = None
        self.details: Details = {}
        self._scope = scope

    @property
    def origin(self) -> Origin:
        """Session, address, device and request id."""
        principal = principal_of(self._scope)
        return Origin(
            session_id=_session_of(principal.session_id if principal else None),
            ip=address_of(self._scope),
            device=device_of(self._scope),
            request_id=request_id_of(self._scope),
        )

    @property
    def promised(self) -> int:
        """What the route declares."""
        return int(self._scope["route_handler"].status_code)


class Refusals:
    """Around the application: whatever is refused, by whichever layer, leaves an entry before the answer goes out.

    `actions` are the operations that the trail tells of; of the others only reads that are forbidden (403).
    """

    def __init__(self, app: ASGIApp, *, actions: Mapping[str, Action], room: AuditRoom) -> None:
        self._app = app
        self._actions = actions
        self._room = room

    async def __call__(self, scope: Scope, receive_message: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive_message, send)
            return
        visit = ScopeVisit(scope)

        async def send_after_entry(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                await self._take_down(scope, visit, message["status"])
            await send(message)

        with receive(visit):
            await self._app(scope, receive_message, send_after_entry)

    async def _take_down(self, scope: Any, visit: ScopeVisit, status: int) -> None:
        action = self._action_of(scope, status)
        if action is None:
            return
        if action is Action.READ:
            visit.details = {"operation": scope["route_handler"].operation_id}
        visit.subject = visit.subject or _named_in_path(scope)
        principal = principal_of(scope)
        code = str(scope["state"].get("refused_as", status))
        entry = refused(action, code, status, actor=principal.id if principal else None, visit=visit)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS if status < 500 else PATIENCE_WHEN_AWAY_SECONDS):
                await use_cases.take_down(entry, room=self._room)
        except Exception as error:
            # The refusal stands whether it could be taken down or not.
            log.error("audit.lost", action=action, outcome=code, status=status, error=type(error).__name__)

    def _action_of(self, scope: Any, status: int) -> Action | None:
        handler = scope.get("route_handler")
        if handler is None:
            return None
        is_forbidden_read = scope["method"] == "GET" and status == 403
        return self._actions.get(handler.operation_id) or (Action.READ if is_forbidden_read else None)


def _session_of(text: str | None) -> UUID | None:
    try:
        return parse_id(text or "")
    except InvalidValue:
        return None


def _named_in_path(scope: Any) -> str | None:
    """The user or role that the path names. Of a session only who has it would say something."""
    named = {name: str(value) for name, value in scope.get("path_params", {}).items() if name != "session_id"}
    return next((value for value in named.values() if _NAME.fullmatch(value)), None)
