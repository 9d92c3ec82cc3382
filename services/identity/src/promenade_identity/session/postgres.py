"""Sessions and refresh tokens in PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NoFilters, NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row

from promenade_identity.session.entity import EndReason, RefreshToken, Session
from promenade_identity.session.repository import SESSIONS

_LIVING = "SELECT * FROM session WHERE ended_at IS NULL AND expires_at > now()"
_HOLD = _LIVING + " AND id = %(id)s FOR UPDATE"
_HOLD_ANY = "SELECT * FROM session WHERE id = %(id)s FOR UPDATE"
_TOKEN = "SELECT * FROM refresh_token WHERE digest = %(digest)s"  # noqa: S105 - a statement
LIST = ListStatement(
    SESSIONS,
    select=_LIVING + " AND user_id = %(user_id)s AND expires_at > %(now)s",
    where={},
    sorts={"created_at": "created_at", "last_used_at": "rotated_at"},
)
_INSERT = """
INSERT INTO session (id, user_id, device, ip, counter, rotated_at, expires_at, ended_at, end_reason,
                     version, last_sequence, created_at, updated_at)
VALUES (%(id)s, %(user_id)s, %(device)s, %(ip)s, %(counter)s, %(rotated_at)s, %(expires_at)s, %(ended_at)s,
        %(end_reason)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE session
SET device = %(device)s, ip = %(ip)s, counter = %(counter)s, rotated_at = %(rotated_at)s, expires_at = %(expires_at)s,
    ended_at = %(ended_at)s, end_reason = %(end_reason)s, version = %(version)s,
    last_sequence = %(last_sequence)s, updated_at = %(updated_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
_KEEP = """
INSERT INTO refresh_token (digest, session_id, counter, expires_at)
VALUES (%(digest)s, %(session_id)s, %(counter)s, %(expires_at)s)
"""
_END_ALL = """
UPDATE session SET ended_at = %(now)s, end_reason = %(reason)s, version = version + 1, updated_at = %(now)s
WHERE user_id = %(user_id)s AND ended_at IS NULL AND (%(except_for)s::uuid IS NULL OR id <> %(except_for)s)
"""
# What somebody holds waits for the next time: nobody waits for the housework, nor it for him.
_DROP_TOKENS = """
DELETE FROM refresh_token WHERE ctid IN (
    SELECT ctid FROM refresh_token WHERE expires_at <= %(now)s LIMIT 5000 FOR UPDATE SKIP LOCKED)
"""
_DROP_SESSIONS = """
DELETE FROM session WHERE ctid IN (
    SELECT ctid FROM session WHERE expires_at <= %(now)s LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""


class PostgresSessions(BaseRepository):
    """The sessions of the service's own database."""

    async def add(self, session: Session, token: RefreshToken) -> None:
        """Store a new session and its first token."""
        await self._insert(session, _INSERT, **_columns(session))
        await self._add_token(token)

    async def save(self, session: Session, token: RefreshToken | None = None) -> None:
        """Store a change and, after a rotation, the new token; raises `StaleVersion`."""
        await self._update(session, _UPDATE, **_columns(session))
        if token is not None:
            await self._add_token(token)

    async def hold_by_token(self, digest: bytes) -> tuple[Session, RefreshToken] | None:
        """The session of a token, ended ones included; until the transaction ends nobody else holds it."""
        found = await self._fetch_one(_TOKEN, digest=digest)
        if found is None:
            return None
        row = await self._write_one(_HOLD_ANY, id=found["session_id"])
        token = RefreshToken(bytes(found["digest"]), found["session_id"], found["counter"], found["expires_at"])
        return (_to_session(row), token) if row else None

    async def hold(self, session_id: UUID) -> Session:
        """A living session, held; raises `NotFound`."""
        row = await self._write_one(_HOLD, id=session_id)
        if row is None:
            raise NotFound("There is no such session")
        return _to_session(row)

    async def list(self, user_id: UUID, page: PageRequest, now: datetime) -> Page[Session]:
        """A page of a user's living sessions, as `SESSIONS` declares the list."""
        rows = await self._fetch_listed(LIST, NoFilters(), page, user_id=user_id, now=now)
        return SESSIONS.cut([_to_session(row) for row in rows], page)

    async def end_all(self, user_id: UUID, reason: EndReason, now: datetime, *, except_for: UUID | None = None) -> None:
        """End all living sessions of a user, or all but one."""
        await self._execute(_END_ALL, user_id=user_id, reason=reason, now=now, except_for=except_for)

    async def drop_expired(self, now: datetime) -> None:
        """Forget tokens that have expired, and sessions that have none left."""
        await self._execute(_DROP_TOKENS, now=now)
        await self._execute(_DROP_SESSIONS, now=now)

    async def _add_token(self, token: RefreshToken) -> None:
        await self._execute(
            _KEEP,
            digest=token.digest,
            session_id=token.session_id,
            counter=token.counter,
            expires_at=token.expires_at,
        )


def _columns(session: Session) -> Row:
    return {
        "user_id": session.user_id,
        "device": session.device,
        "ip": session.ip,
        "counter": session.counter,
        "rotated_at": session.rotated_at,
        "expires_at": session.expires_at,
        "ended_at": session.ended_at,
        "end_reason": session.end_reason,
    }


def _to_session(row: Row) -> Session:
    reason = EndReason(row["end_reason"]) if row["end_reason"] is not None else None
    fields: Row = {**row, "end_reason": reason}
    return Session(**fields)
