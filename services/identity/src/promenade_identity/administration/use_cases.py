"""What staff can do with users. Each command is one transaction; what it revokes is announced before the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import Fault, Invalid, Page, PageRequest, Principal, UnitOfWork, utc_now
from promenade_kernel.values.email import Email

from promenade_identity.administration.entity import LastSuperadmin, ManagedUser
from promenade_identity.audit.entity import Action, Details
from promenade_identity.audit.repository import Trail
from promenade_identity.contact.entity import EmailTaken
from promenade_identity.contact.repository import Contacts
from promenade_identity.profile.repository import Profiles
from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.repository import Announcements, Revocations
from promenade_identity.role.entity import require_held
from promenade_identity.role.repository import Grants
from promenade_identity.session.entity import EndReason
from promenade_identity.session.repository import Sessions
from promenade_identity.user.entity import SUPERADMIN, User, UserStatus
from promenade_identity.user.repository import Attempts, UserFilter, Users

READ, CREATE, DELETE = "users:read", "users:create", "users:delete"
SUSPEND, ASSIGN_ROLES = "users:suspend", "users:assign-roles"
# What those are who have not signed in.
NOBODYS_ROLE = "guest"
REINSTATED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class AdministrationRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    users: Users
    attempts: Attempts
    contacts: Contacts
    profiles: Profiles
    sessions: Sessions
    grants: Grants
    revocations: Revocations
    announcements: Announcements
    trail: Trail


async def list_users(wanted: UserFilter, page: PageRequest, *, room: AdministrationRoom) -> Page[ManagedUser]:
    """The living users that are wanted."""
    found = await room.users.list(wanted, page)
    names = await room.profiles.display_names([user.id for user in found.items])
    return found.map(lambda user: ManagedUser(user, names.get(user.id, user.invited_name)))


async def get_user(user_id: UUID, *, room: AdministrationRoom) -> ManagedUser:
    """A living user; raises `NotFound`."""
    return await _seen(await room.users.get(user_id), room)


async def invite_user(
    email: Email, roles: Sequence[str], name: str | None, *, principal: Principal, room: AdministrationRoom
) -> ManagedUser:
    """Let somebody in who proves the address; raises `EmailTaken` when an active or suspended user has it.

    Who registered the address and has not proved it becomes the invited user, and what he has tried so far is void:
    otherwise anybody could block an invitation, or wait with a password of his own for the roles that come with it.
    """
    async with room.unit_of_work.begin():
        wanted = await _assignable(roles, room)
        known = await room.users.hold_address(email)
        await _require_held({*wanted, *(known.roles if known else ())}, principal, room)
        if known is not None and known.status is not UserStatus.PENDING:
            raise EmailTaken
        user = known or User(email=email)
        user.invite(wanted, name, utc_now())
        if known is None:
            await room.users.add(user)
        else:
            await room.attempts.drop(user.id)
            await room.users.save(user)
        await _record(Action.INVITE_USER, user, principal, room, {"roles": list(wanted)})
        return await _seen(user, room)


async def suspend_user(
    user_id: UUID,
    reason: str,
    until: datetime | None,
    *,
    expected_version: int | None,
    principal: Principal,
    room: AdministrationRoom,
) -> ManagedUser:
    """Take everything away until reinstated or until a moment; raises `LastSuperadmin`."""
    async with room.unit_of_work.begin():
        user = await _load(user_id, expected_version, principal, room)
        await _keep_a_superadmin(user, room)
        user.suspend(until, reason)
        told: Details = {"until": until.isoformat() if until else None}
        await _shut_out(user, EndReason.SUSPENDED, utc_now(), room)
        await _record(Action.SUSPEND_USER, user, principal, room, told)
        seen = await _seen(user, room)
        await _revoke(user, room)
    await room.announcements.announce()
    return seen


async def reinstate_user(
    user_id: UUID, *, expected_version: int | None, principal: Principal, room: AdministrationRoom
) -> ManagedUser:
    """Give a suspended user everything back; his sessions have ended."""
    async with room.unit_of_work.begin():
        user = await _load(user_id, expected_version, principal, room)
        user.reinstate()
        await room.users.save(user)
        await _record(Action.REINSTATE_USER, user, principal, room)
        return await _seen(user, room)


async def reinstate_due_users(*, room: AdministrationRoom) -> bool:
    """Reinstate users whose suspension had an end; True when there may be more."""
    async with room.unit_of_work.begin():
        due = await room.users.hold_suspended_until(utc_now(), REINSTATED_AT_ONCE)
        for user in due:
            user.reinstate()
            await room.users.save(user)
            await _record(Action.REINSTATE_USER, user, None, room)
    return len(due) == REINSTATED_AT_ONCE


async def unlock_user(
    user_id: UUID, *, expected_version: int | None, principal: Principal, room: AdministrationRoom
) -> ManagedUser:
    """Forget a user's wrong passwords, and the lock with them."""
    async with room.unit_of_work.begin():
        user = await _load(user_id, expected_version, principal, room)
        user.unlock()
        await room.users.unlock(user.id)
        await room.users.save(user)
        await _record(Action.UNLOCK_USER, user, principal, room)
        return await _seen(user, room)


async def change_user_roles(
    user_id: UUID,
    roles: Sequence[str],
    *,
    expected_version: int | None,
    principal: Principal,
    room: AdministrationRoom,
) -> ManagedUser:
    """Put other roles in the place of a user's; raises `PermissionNotHeld` and `LastSuperadmin`."""
    async with room.unit_of_work.begin():
        wanted = await _assignable(roles, room)
        user = await _load(user_id, expected_version, principal, room)
        await _require_held(wanted, principal, room)
        if SUPERADMIN not in wanted:
            await _keep_a_superadmin(user, room)
        epoch, before = user.authz_epoch, user.roles
        user.change_roles(wanted)
        if user.authz_epoch == epoch:
            return await _seen(user, room)
        await room.users.save(user)
        told: Details = {"roles": list(wanted), "roles_before": list(before)}
        await _record(Action.CHANGE_ROLES, user, principal, room, told)
        seen = await _seen(user, room)
        await _revoke(user, room)
    await room.announcements.announce()
    return seen


async def delete_user(
    user_id: UUID, *, expected_version: int | None, principal: Principal, room: AdministrationRoom
) -> None:
    """End a user with all that is his; the address is free again. Raises `LastSuperadmin`."""
    now = utc_now()
    async with room.unit_of_work.begin():
        user = await _load(user_id, expected_version, principal, room)
        await _keep_a_superadmin(user, room)
        user.delete(now)
        await _shut_out(user, EndReason.DELETED, now, room)
        await room.attempts.drop(user.id)
        await room.contacts.delete_with(user.id, now)
        await room.profiles.delete_with(user.id, now)
        await _record(Action.DELETE_USER, user, principal, room)
        await _revoke(user, room)
    await room.announcements.announce()


async def restore_user(
    user_id: UUID, *, expected_version: int | None, principal: Principal, room: AdministrationRoom
) -> ManagedUser:
    """Bring a deleted user back as what he was, a living one stays; raises `EmailTaken` when the address lives again.

    Contacts and profile come back with him, those that he had deleted before do not; his sessions have ended.
    """
    now = utc_now()
    async with room.unit_of_work.begin():
        user = await room.users.get_with_deleted(user_id)
        await _require_held(user.roles, principal, room)
        user.expect_version(expected_version)
        if user.deleted_at is None:
            return await _seen(user, room)
        if await room.users.hold_address(user.email) is not None:
            raise EmailTaken
        # A token may have added some in the second that it outlived him.
        await room.contacts.delete_with(user.id, now)
        await room.contacts.restore_with(user.id, user.deleted_at)
        await room.profiles.restore_with(user.id, user.deleted_at)
        user.restore(now)
        await room.users.save(user)
        await _record(Action.RESTORE_USER, user, principal, room)
        return await _seen(user, room)


async def _load(user_id: UUID, expected_version: int | None, principal: Principal, room: AdministrationRoom) -> User:
    """A user whom the caller may change: nobody changes one who holds what he lacks himself."""
    user = await room.users.get(user_id)
    await _require_held(user.roles, principal, room)
    user.expect_version(expected_version)
    return user


async def _require_held(roles: Iterable[str], principal: Principal, room: AdministrationRoom) -> None:
    require_held(principal, await room.grants.permissions_of(set(roles)))


async def _assignable(roles: Sequence[str], room: AdministrationRoom) -> tuple[str, ...]:
    """The roles without repetitions; raises `Invalid` naming all that nobody can have."""
    faults = [
        Fault(
            f"/roles/{index}", "Nobody is given this role: it is that of callers who are not signed in", "no-ones-role"
        )
        for index, role in enumerate(roles)
        if role == NOBODYS_ROLE
    ]
    try:
        await room.grants.require(roles)
    except Invalid as refusal:
        faults += refusal.faults
    if faults:
        raise Invalid(faults)
    return tuple(dict.fromkeys(roles))


async def _keep_a_superadmin(user: User, room: AdministrationRoom) -> None:
    """Raise `LastSuperadmin` when without this one there is none left who can act."""
    counts = user.status is UserStatus.ACTIVE and SUPERADMIN in user.roles
    if counts and not await room.users.hold_other_superadmin(user.id):
        raise LastSuperadmin


async def _shut_out(user: User, reason: EndReason, now: datetime, room: AdministrationRoom) -> None:
    """Store the user and end his sessions. In this order: a login that comes in between waits for his row."""
    await room.users.save(user)
    await room.sessions.end_all(user.id, reason, now)


async def _revoke(user: User, room: AdministrationRoom) -> None:
    """Make his access tokens stale. Last in a transaction: it holds up all others who revoke."""
    await room.revocations.add(Revocation.of_epochs_before(user.authz_epoch, user.id, utc_now()))


async def _record(
    action: Action, user: User, principal: Principal | None, room: AdministrationRoom, told: Details | None = None
) -> None:
    await room.trail.record(action, actor=principal.id if principal else None, subject=user.id, details=told)


async def _seen(user: User, room: AdministrationRoom) -> ManagedUser:
    names = await room.profiles.display_names([user.id])
    return ManagedUser(user, names.get(user.id, user.invited_name))
