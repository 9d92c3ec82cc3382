"""What an operator can do with users and their sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from promenade_chassis.ports import NotFound, UnitOfWork, utc_now
from promenade_kernel.values.email import Email

from promenade_identity.audit.entity import Action
from promenade_identity.audit.repository import Trail
from promenade_identity.operator.repository import Everybody
from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.repository import Announcements, Revocations
from promenade_identity.session.entity import EndReason
from promenade_identity.user.entity import User
from promenade_identity.user.repository import Users

# As many as hold up the sign-ins of the same users for a moment only.
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class OperatorRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    users: Users
    everybody: Everybody
    revocations: Revocations
    announcements: Announcements
    trail: Trail
    at_once: int = AT_ONCE


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many users have been signed out of how many sessions so far."""

    users: int = 0
    sessions: int = 0

    def __add__(self, other: Revoked) -> Revoked:
        return Revoked(self.users + other.users, self.sessions + other.sessions)


async def revoke_sessions_of(email: Email, *, room: OperatorRoom) -> Revoked:
    """Sign a user out everywhere, access tokens included; raises `NotFound`."""
    async with room.unit_of_work.begin():
        user = await _user_of(email, room)
        revoked = await _revoke([user.id], user.id, room)
    await room.announcements.announce()
    return revoked


async def revoke_all_sessions(*, room: OperatorRoom) -> AsyncIterator[Revoked]:
    """Sign everybody out who was signed in when it began; tells after each lot how far it is."""
    done, last = Revoked(), None
    while users := await room.everybody.signed_in(last, room.at_once):
        async with room.unit_of_work.begin():
            done += await _revoke(users, None, room)
        await room.announcements.announce()
        last = users[-1]
        yield done


async def unlock_user(email: Email, *, room: OperatorRoom) -> bool:
    """Forget a user's wrong passwords; answers whether they had locked him. Raises `NotFound`."""
    async with room.unit_of_work.begin():
        user = await _user_of(email, room)
        await room.users.unlock(user.id)
        await room.trail.record(Action.UNLOCK_USER, actor=None, subject=user.id)
    return user.is_locked(utc_now())


async def _user_of(email: Email, room: OperatorRoom) -> User:
    user = await room.users.find_by_email(email)
    if user is None:
        raise NotFound(f"there is no user {email}")
    return user


async def _revoke(users: Sequence[UUID], subject: UUID | None, room: OperatorRoom) -> Revoked:
    """Epochs first: a sign-in that is under way ends before, and its session is one of those that end here."""
    now = utc_now()
    epochs = await room.everybody.raise_epochs(users, now)
    sessions = await room.everybody.end_sessions(users, EndReason.REVOKED, now)
    revoked = Revoked(len(epochs), sessions)
    await room.trail.record(
        Action.REVOKE_SESSIONS, actor=None, subject=subject, details={"users": len(epochs), "sessions": sessions}
    )
    await room.revocations.add_all(
        [Revocation.of_epochs_before(epoch, user_id, now) for user_id, epoch in epochs.items()]
    )
    return revoked
