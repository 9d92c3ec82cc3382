"""What can be done with sessions: sign in, refresh, sign out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import NotFound, Page, PageRequest, Principal, UnitOfWork, utc_now
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.ids import parse_id

from promenade_identity.audit.entity import Action, concerns
from promenade_identity.audit.repository import Trail
from promenade_identity.password.repository import PasswordHashes
from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.repository import Announcements, Revocations
from promenade_identity.role.repository import Grants
from promenade_identity.session.entity import (
    EndReason,
    InvalidCredentials,
    InvalidRefreshToken,
    Rank,
    RefreshMint,
    RefreshTokenReused,
    Session,
)
from promenade_identity.session.repository import AccessTokens, Sessions
from promenade_identity.user.entity import AccountSuspended, User, UserStatus
from promenade_identity.user.repository import Beat, Pace, Users, count_wrong_password, require_outranked

REVOKE = "sessions:revoke"
_ACTIONS = {EndReason.LOGOUT: Action.LOGOUT, EndReason.ENDED: Action.END_SESSION}


@dataclass(frozen=True, slots=True)
class SessionRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    sessions: Sessions
    users: Users
    grants: Grants
    passwords: PasswordHashes
    pace: Pace
    refresh_mint: RefreshMint
    access_tokens: AccessTokens
    revocations: Revocations
    announcements: Announcements
    trail: Trail


@dataclass(frozen=True, slots=True)
class Client:
    """Who is calling, as far as a request tells."""

    device: str | None = None
    ip: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a login or a refresh gives out."""

    user: User
    access_token: str
    refresh_token: str
    refresh_expires_at: datetime


async def login(email: Email, password: str, *, client: Client, room: SessionRoom) -> SignedIn:
    """Sign in; raises `InvalidCredentials` alike for unknown, pending and locked users and wrong passwords."""
    async with room.pace.refusals() as beat:
        user = await _authenticate(email, password, beat, room)
        return await _open_session(user, password, client, room)


async def refresh(token: str, *, client: Client, room: SessionRoom) -> SignedIn:
    """Exchange a refresh token.

    Raises `InvalidRefreshToken`, `AccountSuspended`, or `RefreshTokenReused` after having ended the session.
    """
    now = utc_now()
    async with room.unit_of_work.begin():
        session, successor = await _rotate(token, client, now, room)
        if successor is not None:
            user = await room.users.get(session.user_id)
            access_token = await _access_token(user, session, now, room)
            await _record(Action.REFRESH, user.id, session, room)
            return SignedIn(user, access_token, successor, session.expires_at)
    # Outside the unit of work: the end of the session must stay.
    await room.announcements.announce()
    raise RefreshTokenReused


async def logout(*, principal: Principal, room: SessionRoom) -> None:
    """End the session of the token that is used."""
    try:
        session_id = parse_id(principal.session_id or "")
        await _end(session_id, EndReason.LOGOUT, None, principal, room)
    except (InvalidValue, NotFound):
        return


async def logout_all(*, principal: Principal, room: SessionRoom) -> None:
    """End all sessions of the caller and make all his access tokens stale."""
    now = utc_now()
    async with room.unit_of_work.begin():
        user = await room.users.get(principal.id)
        user.raise_epoch()
        await room.users.save(user)
        await room.sessions.end_all(user.id, EndReason.LOGOUT_ALL, now)
        await room.trail.record(Action.LOGOUT_ALL, actor=user.id, subject=user.id)
        await room.revocations.add(Revocation.of_epochs_before(user.authz_epoch, user.id, now))
    await room.announcements.announce()


async def list_sessions(page: PageRequest, *, principal: Principal, room: SessionRoom) -> Page[Session]:
    """One's own living sessions."""
    return await room.sessions.list(principal.id, page, utc_now())


async def end_session(
    session_id: UUID, *, expected_version: int | None, principal: Principal, room: SessionRoom
) -> None:
    """End a session of one's own, with sessions:revoke anybody's who holds no more than the caller.

    Raises `NotFound`, `PermissionNotHeld`.
    """
    await _end(session_id, EndReason.ENDED, expected_version, principal, room)


async def drop_expired(*, room: SessionRoom) -> bool:
    """Forget what has expired; answers False: the rest can wait."""
    now = utc_now()
    async with room.unit_of_work.begin():
        await room.sessions.drop_expired(now)
    async with room.unit_of_work.begin():
        await room.revocations.drop_expired(now)
    return False


async def _authenticate(email: Email, password: str, beat: Beat, room: SessionRoom) -> User:
    user = await room.users.find_by_email(email)
    if user is not None:
        concerns(user.id)
    # Also without a user: computing the hash is what takes time.
    matches = await room.passwords.matches(password, user.password_hash if user is not None else None)
    beat.restart()
    if user is None or user.password_hash is None:
        raise InvalidCredentials
    if not matches:
        async with room.unit_of_work.begin():
            await count_wrong_password(user.id, utc_now(), room.users)
        raise InvalidCredentials
    if user.status is UserStatus.SUSPENDED:
        await _refuse_suspended(user, room)
    return user


async def _refuse_suspended(user: User, room: SessionRoom) -> None:
    """Tell the owner why, unless the account is locked: then even the right password is answered as a wrong one."""
    fresh = await room.users.find(user.id)
    if fresh is None or fresh.is_locked(utc_now()):
        raise InvalidCredentials
    raise AccountSuspended


async def _open_session(user: User, password: str, client: Client, room: SessionRoom) -> SignedIn:
    outdated = user.password_hash is not None and room.passwords.is_outdated(user.password_hash)
    new_hash = await room.passwords.make(password) if outdated else None
    now = utc_now()
    async with room.unit_of_work.begin():
        # Looks at the lock again: wrong passwords may have been counted while this one was checked.
        if not await room.users.note_login(user, now, new_hash):
            raise InvalidCredentials
        fresh = await room.users.get(user.id)
        session = Session(user_id=fresh.id, device=client.device, ip=client.ip)
        token = room.refresh_mint.first()
        await room.sessions.add(session, room.refresh_mint.stored(token, session))
        access_token = await _access_token(fresh, session, now, room)
        await _record(Action.LOGIN, fresh.id, session, room)
    return SignedIn(fresh, access_token, token, session.expires_at)


async def _access_token(user: User, session: Session, now: datetime, room: SessionRoom) -> str:
    """A token of a user just read: his roles' permissions are read after his epoch, never before (`Grants`)."""
    permissions = await room.grants.permissions_of(user.roles)
    return await room.access_tokens.issue(user, permissions, session.id, now)


async def _rotate(token: str, client: Client, now: datetime, room: SessionRoom) -> tuple[Session, str | None]:
    """The session and the token that follows; None after having ended it because the token was used before."""
    mint = room.refresh_mint
    found = await room.sessions.hold_by_token(mint.digest(token))
    if found is None:
        raise InvalidRefreshToken
    session, presented = found
    concerns(session.user_id, session_id=str(session.id))
    await _require_living_user(session, room)
    rank = session.rank(presented, now)
    if rank is Rank.PARENT:
        return session, mint.successor(session.id, session.counter, token)
    if rank is Rank.STALE:
        session.end(EndReason.REUSED, now)
        await room.sessions.save(session)
        await room.revocations.add(Revocation.of_session(session.id, now))
        return session, None
    session.rotate(now, client.device, client.ip)
    successor = mint.successor(session.id, session.counter, token)
    await room.sessions.save(session, mint.stored(successor, session))
    return session, successor


async def _require_living_user(session: Session, room: SessionRoom) -> None:
    user = await room.users.find(session.user_id)
    if user is None:
        raise InvalidRefreshToken
    if user.status is UserStatus.SUSPENDED:
        raise AccountSuspended


async def _end(
    session_id: UUID, reason: EndReason, expected_version: int | None, principal: Principal, room: SessionRoom
) -> None:
    now = utc_now()
    async with room.unit_of_work.begin():
        session = await room.sessions.hold(session_id)
        concerns(session.user_id, session_id=str(session.id))
        principal.require_reach(session.user_id, REVOKE, "session")
        await require_outranked(session.user_id, principal, room.users, room.grants)
        session.expect_version(expected_version)
        session.end(reason, now)
        await room.sessions.save(session)
        await _record(_ACTIONS[reason], principal.id, session, room)
        await room.revocations.add(Revocation.of_session(session.id, now))
    await room.announcements.announce()


async def _record(action: Action, actor: UUID, session: Session, room: SessionRoom) -> None:
    await room.trail.record(action, actor=actor, subject=session.user_id, details={"session_id": str(session.id)})
