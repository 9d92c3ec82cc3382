"""What can be done with users who are not signed in yet: register, verify, ask for another mail."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_chassis.ports import UnitOfWork, utc_now
from promenade_kernel.values.email import Email

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
from promenade_identity.role.repository import Grants
from promenade_identity.user.entity import (
    PENDING_LIFETIME,
    REGISTERED_ROLES,
    SUPERADMIN,
    RegistrationAttempt,
    User,
    UserStatus,
)
from promenade_identity.user.repository import Attempts, Pace, Users, settle_in

EXPIRED_AT_ONCE = 100
# A guessed code is tried against every attempt's: the more of them count, the better are the guesser's chances.
ATTEMPTS_KEPT = 10


@dataclass(frozen=True, slots=True)
class UserRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    users: Users
    attempts: Attempts
    passwords: PasswordHashes
    rules: PasswordRules
    pace: Pace
    codes: Codes
    code_requests: CodeRequests
    mint: CodeMint
    contacts: Contacts
    profiles: Profiles
    grants: Grants
    mails: Mails
    templates: MailTemplates
    revocations: Revocations
    announcements: Announcements
    trail: Trail


async def register(
    email: Email,
    password: NewPassword,
    *,
    display_name: str | None,
    locale: str | None,
    room: UserRoom,
) -> None:
    """Note an attempt to register; whether the address is known shows in the mail alone."""
    room.rules.check(password, email=email, name=display_name)
    async with room.pace.answers() as beat:
        password_hash = await room.passwords.make(password)
        beat.restart()
        async with room.unit_of_work.begin():
            # Before the user: a change of the role that is under way does not see who is new, and ends first.
            await room.grants.require(REGISTERED_ROLES)
            known = await room.users.hold_address(email)
            user = known or User(email=email)
            attempt = RegistrationAttempt(
                user_id=user.id, password_hash=password_hash, display_name=display_name, locale=locale
            )
            if known is None:
                user.register(attempt)
                await room.users.add(user)
            else:
                user.register_again(attempt)
                await room.users.save(user)
            if user.status is UserStatus.PENDING and not user.awaits_invited:
                await room.attempts.add(attempt)
                await room.attempts.keep_newest(user.id, ATTEMPTS_KEPT)
            await room.trail.record(Action.REGISTER, actor=None, subject=user.id)


async def resend_verification(email: Email, *, room: UserRoom) -> None:
    """Ask for the activation mail once more, ten times an hour.

    Nothing happens for unknown and for active users, nor when it was asked for too often: no answer tells.
    """
    async with room.pace.answers(), room.unit_of_work.begin():
        user = await room.users.hold_address(email)
        if user is not None and await _may_have_a_code(user, email, room):
            user.request_verification()
            await room.users.save(user)
        await room.trail.record(Action.RESEND_VERIFICATION, actor=None, subject=user.id if user is not None else None)


async def send_activation_code(user_id: UUID, attempt_id: UUID | None, *, room: UserRoom) -> None:
    """Make the code of an attempt and send it; the digest and the mail commit together.

    `attempt_id` is None when the mail was asked for again: then it is the only attempt's. Of several nobody can tell
    which is the asker's, and the code of a stranger's would make the stranger's password count: the mail says so
    instead, and the codes sent before stay good.
    """
    async with room.unit_of_work.begin():
        user = await room.users.find(user_id)
        attempts = await room.attempts.of_user(user_id)
        attempt = next((one for one in attempts if attempt_id in (None, one.id)), None)
        if user is None or user.status is not UserStatus.PENDING or attempt is None:
            return
        if attempt_id is None and len(attempts) > 1:
            await room.mails.queue(room.templates.render("activation-unclear", user.email))
            return
        code, issued = room.mint.issue(Purpose.ACTIVATE_USER, attempt.id, utc_now())
        await room.codes.replace(issued)
        await room.mails.queue(room.templates.render("activation", user.email, attempt.locale, code=code))


async def send_notice(user_id: UUID, template: str, *, room: UserRoom) -> None:
    """Tell a user something by mail."""
    async with room.unit_of_work.begin():
        user = await room.users.find(user_id)
        if user is not None:
            await room.mails.queue(room.templates.render(template, user.email))


async def send_farewell(user_id: UUID, *, room: UserRoom) -> None:
    """Tell a deleted user so by mail; an address that nobody has proved to own gets none."""
    async with room.unit_of_work.begin():
        user = await room.users.get_with_deleted(user_id)
        if user.email_verified_at is not None:
            await room.mails.queue(room.templates.render("account-deleted", user.email))


async def verify_email(email: Email, code: str, *, room: UserRoom) -> User:
    """Activate a user with the attempt whose code was given; raises `InvalidCode`, whatever the reason."""
    async with room.pace.refusals():
        async with room.unit_of_work.begin():
            user = await room.users.hold_address(email)
            attempt = await _redeem(user, code, room) if user is not None else None
            if user is not None:
                concerns(user.id)
            if user is not None and attempt is not None:
                user.verify(attempt, utc_now())
                await settle_in(user, attempt.display_name, attempt.locale, utc_now(), room)
                await room.trail.record(Action.VERIFY_EMAIL, actor=user.id, subject=user.id)
        # Outside the unit of work: the counted try must stay.
        if user is None or attempt is None:
            raise InvalidCode
        return user


async def create_superadmin(email: Email, password: NewPassword, *, room: UserRoom) -> bool:
    """Make an active user with all permissions; False when he is one already. A password he has stays his."""
    room.rules.check(password, email=email)
    password_hash = await room.passwords.make(password)
    async with room.unit_of_work.begin():
        await room.grants.require((SUPERADMIN,))
        known = await room.users.hold_address(email)
        if known is not None and known.status is not UserStatus.PENDING:
            made = await _promote(known, room)
        else:
            made = await _appoint(known, email, password_hash, room)
    if made:
        await room.announcements.announce()
    return made


async def expire_pending_users(*, room: UserRoom) -> bool:
    """End users who never proved their address, and forget codes that are over; True when there may be more."""
    now = utc_now()
    async with room.unit_of_work.begin():
        await room.codes.drop_expired(now)
        await room.code_requests.drop_expired(now)
    async with room.unit_of_work.begin():
        expired = await room.users.hold_pending_since(now - PENDING_LIFETIME, EXPIRED_AT_ONCE)
        for user in expired:
            user.expire(now)
            await room.attempts.drop(user.id)
            await room.users.save(user)
            await room.trail.record(
                Action.DELETE_USER, actor=None, subject=user.id, details={"reason": "never-verified"}
            )
    return len(expired) == EXPIRED_AT_ONCE


async def _may_have_a_code(user: User, email: Email, room: UserRoom) -> bool:
    if user.status is not UserStatus.PENDING:
        return False
    return await may_send_code(Purpose.ACTIVATE_USER, email.canonical, user.id, utc_now(), room.code_requests)


async def _redeem(user: User, code: str, room: UserRoom) -> RegistrationAttempt | None:
    """The attempt that the code belongs to. A wrong code is a try for each of them; one that two share is nobody's."""
    if user.status is not UserStatus.PENDING or user.awaits_invited:
        return None
    redeemed: list[RegistrationAttempt] = []
    for attempt in await room.attempts.of_user(user.id):
        digest = room.mint.digest(Purpose.ACTIVATE_USER, attempt.id, code)
        if await room.codes.redeem(Purpose.ACTIVATE_USER, attempt.id, digest, utc_now()):
            redeemed.append(attempt)
    return redeemed[0] if len(redeemed) == 1 else None


async def _appoint(known: User | None, email: Email, password_hash: str, room: UserRoom) -> bool:
    user = known or User(email=email)
    if known is None:
        await room.users.add(user)
    user.appoint(password_hash, (SUPERADMIN,), utc_now())
    await settle_in(user, None, None, utc_now(), room)
    await room.trail.record(Action.CREATE_SUPERADMIN, actor=None, subject=user.id)
    return True


async def _promote(user: User, room: UserRoom) -> bool:
    if SUPERADMIN in user.roles:
        return False
    user.change_roles((*user.roles, SUPERADMIN))
    await room.users.save(user)
    await room.trail.record(Action.CREATE_SUPERADMIN, actor=None, subject=user.id, details={"promoted": True})
    await room.revocations.add(Revocation.of_epochs_before(user.authz_epoch, user.id, utc_now()))
    return True
