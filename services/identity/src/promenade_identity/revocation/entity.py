"""A revocation: access tokens that stop counting before they expire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self
from uuid import UUID

# As long as an access token lives: then there is nothing left to revoke.
LIFETIME = timedelta(minutes=15)


class RevocationKind(StrEnum):
    """What the revoked tokens have in common; the middle part of the key in Redis."""

    TOKEN = "jti"  # noqa: S105 - the name of a claim
    SESSION = "sid"
    EPOCH = "epoch"


@dataclass(frozen=True, slots=True)
class Revocation:
    """`value` is the lowest epoch that still counts; of a token or a session it says nothing."""

    kind: RevocationKind
    subject: str
    value: int
    expires_at: datetime

    @classmethod
    def of_session(cls, session_id: UUID, now: datetime) -> Self:
        """The access tokens of one session."""
        return cls(RevocationKind.SESSION, str(session_id), 1, now + LIFETIME)

    @classmethod
    def of_epochs_before(cls, epoch: int, user_id: UUID, now: datetime) -> Self:
        """A user's access tokens with an older epoch."""
        return cls(RevocationKind.EPOCH, str(user_id), epoch, now + LIFETIME)


@dataclass(frozen=True, slots=True)
class Backlog:
    """The unexpired revocations after some number, oldest first, and the number of the newest one there is."""

    newest: int
    revocations: tuple[Revocation, ...]
