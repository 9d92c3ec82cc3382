"""What can be done with a password: forget it, set it anew by a code, change it; an invitation sets the first one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import Principal, StaleVersion, UnitOfWork, invalid_field, utc_now
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import parse_id

from promenade_identity.audit.entity import Action, concerns
from promenade_identity.audit.repository import Trail
from promenade_identity.code.entity import CodeMint, Purpose
from promenade_identity.code.repository import CodeRequests, Codes, may_send_code
from promenade_identity.contact.entity import InvalidCode
from promenade_identity.contact.repository import Contacts
from promenade_identity.mail.repository import Mails, MailTemplates
from promenade_identity.password.entity import NewPassword, PasswordRules
from promenade_identity.password.repository import PasswordHashes
from promenade_identity.profile.repository import Profiles
from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.repository import Announcements, Revocations
from promenade_identity.session.entity import EndReason
from promenade_identity.session.repository import Sessions
from promenade_identity.user.entity import User, UserStatus
from promenade_identity.user.repository import Attempts, Pace, Users, count_wrong_password, settle_in


@dataclass(frozen=True, slots=True)
class RecoveryRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    users: Users
    attempts: Attempts
    contacts: Contacts
    profiles: Profiles
    sessions: Sessions
    passwords: PasswordHashes
    rules: PasswordRules
    pace: Pace
    codes: Codes
    code_requests: CodeRequests
    mint: CodeMint
    mails: Mails
    templates: MailTemplates
    revocations: Revocations
    announcements: Announcements
    trail: Trail


async def forget_password(email: Email, *, room: RecoveryRoom) -> None:
    """Ask for a code, ten times an hour; nothing more happens, and no answer tells.

    Each code has five tries, so who may ask for many codes may guess often. Only active and invited users get one.
    """
    async with room.pace.answers(), room.unit_of_work.begin():
        user = await room.users.hold_address(email)
        if user is not None and await _may_have_a_code(user, email, room):
            if user.awaits_invited:
                user.invite_again()
            else:
                user.request_password_reset()
            await room.users.save(user)
        await room.trail.record(Action.FORGOT_PASSWORD, actor=None, subject=user.id if user is not None else None)


async def send_reset_code(user_id: UUID, *, room: RecoveryRoom) -> None:
    """Make the code and send it; the digest and the mail commit together."""
    async with room.unit_of_work.begin():
        user = await room.users.find(user_id)
        if user is None or user.status is not UserStatus.ACTIVE:
            return
        code, issued = room.mint.issue(Purpose.RESET_PASSWORD, user.id, utc_now())
        await room.codes.replace(issued)
        await room.mails.queue(room.templates.render("password-reset", user.email, code=code))


async def send_invitation_code(user_id: UUID, *, room: RecoveryRoom) -> None:
    """Make the code that sets the first password and send it; the digest and the mail commit together."""
    async with room.unit_of_work.begin():
        user = await room.users.find(user_id)
        if user is None or not user.awaits_invited:
            return
        code, issued = room.mint.issue(Purpose.ACCEPT_INVITATION, user.id, utc_now())
        await room.codes.replace(issued)
        await room.mails.queue(room.templates.render("invitation", user.email, code=code))


async def reset_password(email: Email, code: str, password: NewPassword, *, room: RecoveryRoom) -> None:
    """Set a password by a code, end all sessions and lift a lock; raises `InvalidCode`, whatever the reason.

    The code of an invitation sets the first one, and makes the user active.
    """
    room.rules.check(password, email=email, pointer="/new_password")
    async with room.pace.answers() as beat:
        password_hash = await room.passwords.make(password)
        beat.restart()
        async with room.unit_of_work.begin():
            user = await room.users.hold_address(email)
            redeemed = user is not None and await _redeem(user, code, room)
            if user is not None:
                concerns(user.id)
            if user is not None and redeemed:
                await room.code_requests.forget(Purpose.RESET_PASSWORD, email.canonical)
                await room.trail.record(Action.RESET_PASSWORD, actor=user.id, subject=user.id)
                await _enter(user, password_hash, utc_now(), room)
        # Outside the unit of work: the counted try must stay.
        if not redeemed:
            raise InvalidCode
        await room.announcements.announce()


async def change_password(current: str, password: NewPassword, *, principal: Principal, room: RecoveryRoom) -> None:
    """Set another password and end the other sessions; raises `Invalid` for a wrong one, which counts as at login."""
    user = await room.users.get(principal.id)
    concerns(user.id)
    name = (await room.profiles.of_user(user.id)).display_name
    room.rules.check(password, email=user.email, name=name, pointer="/new_password")
    matches = await room.passwords.matches(current, user.password_hash)
    if not matches or user.is_locked(utc_now()):
        await _refuse(user, counts=not matches, room=room)
    password_hash = await room.passwords.make(password)
    async with room.unit_of_work.begin():
        fresh = await room.users.get(user.id)
        if fresh.password_hash != user.password_hash:
            raise StaleVersion
        await room.trail.record(Action.CHANGE_PASSWORD, actor=fresh.id, subject=fresh.id)
        await _set(fresh, password_hash, utc_now(), principal.session_id, room)
    await room.announcements.announce()


async def _may_have_a_code(user: User, email: Email, room: RecoveryRoom) -> bool:
    if user.status is not UserStatus.ACTIVE and not user.awaits_invited:
        return False
    return await may_send_code(Purpose.RESET_PASSWORD, email.canonical, user.id, utc_now(), room.code_requests)


async def _redeem(user: User, code: str, room: RecoveryRoom) -> bool:
    purpose = Purpose.ACCEPT_INVITATION if user.awaits_invited else Purpose.RESET_PASSWORD
    digest = room.mint.digest(purpose, user.id, code)
    may_have_one = user.awaits_invited or user.status is UserStatus.ACTIVE
    return may_have_one and await room.codes.redeem(purpose, user.id, digest, utc_now())


async def _enter(user: User, password_hash: str, now: datetime, room: RecoveryRoom) -> None:
    """The code was right: of the owner of an account, or of somebody invited, who has it from now on."""
    if user.awaits_invited:
        user.accept_invitation(password_hash, now)
        await settle_in(user, user.invited_name, None, now, room)
        return
    await room.users.unlock(user.id)
    await _set(user, password_hash, now, None, room)


async def _set(user: User, password_hash: str, now: datetime, kept: str | None, room: RecoveryRoom) -> None:
    """Store the password and end all sessions but the one that is `kept`."""
    user.change_password(password_hash)
    await room.users.save(user)
    except_for = parse_id(kept) if kept is not None else None
    await room.sessions.end_all(user.id, EndReason.PASSWORD, now, except_for=except_for)
    await room.revocations.add(Revocation.of_epochs_before(user.authz_epoch, user.id, now))


async def _refuse(user: User, *, counts: bool, room: RecoveryRoom) -> None:
    if counts:
        async with room.unit_of_work.begin():
            await count_wrong_password(user.id, utc_now(), room.users)
    raise invalid_field("/current_password", "wrong-password", "This is not the present password")
