"""A session: one family of refresh tokens, from a login to its end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from promenade_chassis.ports import Aggregate, Unauthenticated, utc_now

ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=7)
# Parallel tabs refresh with the same token at almost the same time.
GRACE = timedelta(seconds=10)


class InvalidCredentials(Unauthenticated):
    """Unknown address, wrong password, pending or locked: the answer is the same."""

    slug = "invalid-credentials"
    title = "The email address or the password is wrong"
    advice = "Ask for both again; a forgotten password can be reset at `/auth/password/forgot`."


class InvalidRefreshToken(Unauthenticated):
    """Unknown, expired, or of a session that has ended."""

    slug = "invalid-refresh-token"
    title = "The refresh token is not valid; sign in again"
    advice = "Sign in again."


class RefreshTokenReused(Unauthenticated):
    """The token had been exchanged before: somebody has a copy, so the session ends for everybody."""

    slug = "refresh-token-reused"
    title = "The refresh token was used before; the session has ended, sign in again"
    advice = "Sign in again, and keep one copy of a refresh token: each is exchanged once."


class EndReason(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    LOGOUT_ALL = "logout-all"
    ENDED = "ended"
    PASSWORD = "password"  # noqa: S105 - a reason
    REUSED = "refresh-token-reused"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class Rank(StrEnum):
    """Where a refresh token stands in its family."""

    CURRENT = "current"
    PARENT = "parent"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as it is stored: its digest and its number in the family."""

    digest: bytes
    session_id: UUID
    counter: int
    expires_at: datetime


@dataclass(kw_only=True)
class Session(Aggregate):
    """The aggregate root. `counter` is the number of the current refresh token, which came at `rotated_at`."""

    user_id: UUID
    device: str | None = None
    ip: str | None = None
    counter: int = 0
    rotated_at: datetime = field(default_factory=utc_now)
    expires_at: datetime = field(default_factory=lambda: utc_now() + REFRESH_LIFETIME)
    ended_at: datetime | None = None
    end_reason: EndReason | None = None

    @property
    def last_used_at(self) -> datetime:
        """When it was last refreshed."""
        return self.rotated_at

    def is_living(self, now: datetime) -> bool:
        """Whether it can still be refreshed."""
        return self.ended_at is None and now < self.expires_at

    def rank(self, token: RefreshToken, now: datetime) -> Rank:
        """Where a token of this family stands: told by its number, never by its time."""
        if not self.is_living(now) or now >= token.expires_at:
            raise InvalidRefreshToken
        if token.counter == self.counter:
            return Rank.CURRENT
        just_now = now - self.rotated_at < GRACE
        return Rank.PARENT if token.counter == self.counter - 1 and just_now else Rank.STALE

    def rotate(self, now: datetime, device: str | None, ip: str | None) -> None:
        """Put the successor in the current token's place."""
        self.counter += 1
        self.rotated_at = now
        self.expires_at = now + REFRESH_LIFETIME
        self.device, self.ip = device or self.device, ip or self.ip

    def end(self, reason: EndReason, now: datetime) -> None:
        """End it for good; ending it twice changes nothing."""
        if self.ended_at is None:
            self.ended_at, self.end_reason = now, reason


class RefreshMint:
    """Makes refresh tokens. A successor is computed from its parent, so that it can be given out again unstored."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def first(self) -> str:
        """256 random bits."""
        return _base64url(secrets.token_bytes(32))

    def successor(self, session_id: UUID, counter: int, parent: str) -> str:
        """The token that follows `parent` as number `counter` of its family."""
        message = session_id.bytes + counter.to_bytes(8, "big") + parent.encode()
        return _base64url(hmac.new(self._secret, message, hashlib.sha256).digest())

    def stored(self, token: str, session: Session) -> RefreshToken:
        """What to store of a session's current token."""
        return RefreshToken(self.digest(token), session.id, session.counter, session.expires_at)

    def digest(self, token: str) -> bytes:
        """SHA-256: the tokens are random enough to need no key and no salt."""
        return hashlib.sha256(token.encode()).digest()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
