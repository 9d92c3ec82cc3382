"""An entry of the audit trail: who did what, to whom, and what came of it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from promenade_chassis.ports import utc_now
from promenade_kernel.values.ids import new_id

SUCCESS = "success"
# What an entry tells beyond who, what and whom: plain JSON, never a password, code, token or address.
Details = Mapping[str, str | int | bool | None | list[str]]


class Action(StrEnum):
    """What the trail tells of, as `GET /audit?action=` names it."""

    REGISTER = "auth.register"
    VERIFY_EMAIL = "auth.verify-email"
    RESEND_VERIFICATION = "auth.resend-verification"
    LOGIN = "auth.login"
    REFRESH = "auth.refresh"
    LOGOUT = "auth.logout"
    LOGOUT_ALL = "auth.logout-all"
    END_SESSION = "session.end"
    FORGOT_PASSWORD = "password.forgot"  # noqa: S105 - the name of an action
    RESET_PASSWORD = "password.reset"  # noqa: S105 - the name of an action
    CHANGE_PASSWORD = "password.change"  # noqa: S105 - the name of an action
    INVITE_USER = "user.invite"
    SUSPEND_USER = "user.suspend"
    REINSTATE_USER = "user.reinstate"
    UNLOCK_USER = "user.unlock"
    DELETE_USER = "user.delete"
    RESTORE_USER = "user.restore"
    CHANGE_ROLES = "user.change-roles"
    CREATE_ROLE = "role.create"
    CHANGE_ROLE = "role.change"
    DELETE_ROLE = "role.delete"
    ROTATE_KEY = "key.rotate"
    REVOKE_SESSIONS = "session.revoke-all"
    CREATE_SUPERADMIN = "user.create-superadmin"
    # Only ever refused (403): what may be read is not taken down.
    READ = "read"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an action came from. Nothing is known of it without a request: from the command line, by a job."""

    session_id: UUID | None = None
    ip: str | None = None
    device: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that was done, or refused: then `outcome` is the code of the problem.

    `action` may be one that only another release knows. `actor` is None when nobody was signed in, `subject` when
    there is nobody to name, `status` (of HTTP) without a request.
    """

    action: str
    outcome: str = SUCCESS
    status: int | None = None
    actor: UUID | None
    subject: str | None
    origin: Origin = Origin()
    details: Details = field(default_factory=dict[str, str])
    id: UUID = field(default_factory=new_id)
    at: datetime = field(default_factory=utc_now)


class Visit(Protocol):
    """The request in hand. `subject` and `details` are what it turned out to be about, in case it is refused."""

    subject: str | None
    details: Details

    @property
    def origin(self) -> Origin:
        """As far as it is known by now: the session once the access token is verified."""
        ...

    @property
    def promised(self) -> int:
        """The status of the answer if nothing is refused."""
        ...


_visit: ContextVar[Visit | None] = ContextVar("promenade_identity_visit", default=None)


@contextmanager
def receive(visit: Visit) -> Generator[None, None, None]:
    """Make it the request in hand of all that happens inside."""
    token = _visit.set(visit)
    try:
        yield
    finally:
        _visit.reset(token)


def concerns(subject: UUID | str, **details: str) -> None:
    """Say whom the request in hand is about, in case it is refused; takes next to no time, whoever it is."""
    visit = _visit.get()
    if visit is not None:
        visit.subject, visit.details = str(subject), details


def done(action: Action, *, actor: UUID | None, subject: UUID | str | None, details: Details | None = None) -> Entry:
    """The entry of what was done, by the request in hand if there is one."""
    visit = _visit.get()
    return Entry(
        action=action,
        status=visit.promised if visit else None,
        actor=actor,
        subject=None if subject is None else str(subject),
        origin=visit.origin if visit else Origin(),
        details=details or {},
    )


def refused(action: Action, code: str, status: int, *, actor: UUID | None, visit: Visit) -> Entry:
    """The entry of a request that was refused."""
    return Entry(
        action=action,
        outcome=code,
        status=status,
        actor=actor,
        subject=visit.subject,
        origin=visit.origin,
        details=visit.details,
    )
