"""Commands and queries of roles: one async function each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from promenade_chassis.ports import Page, PageRequest, Principal, UnitOfWork, utc_now

from promenade_identity.audit.entity import Action, concerns
from promenade_identity.audit.repository import Trail
from promenade_identity.revocation.repository import Announcements, Revocations
from promenade_identity.role.entity import Role, RoleInUse, require_held
from promenade_identity.role.repository import Holders, RoleFilter, Roles

READ, WRITE = "roles:read", "roles:write"


@dataclass(frozen=True, slots=True)
class RoleRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    roles: Roles
    holders: Holders
    revocations: Revocations
    announcements: Announcements
    trail: Trail


@dataclass(frozen=True, slots=True)
class RoleChanges:
    """What a PATCH names; `changes_description` tells one cleared from one left alone, None is no change."""

    permissions: frozenset[str] | None = None
    description: str | None = None
    changes_description: bool = False


async def list_roles(wanted: RoleFilter, page: PageRequest, *, room: RoleRoom) -> Page[Role]:
    """The roles there are."""
    return await room.roles.list(wanted, page)


async def get_role(name: str, *, room: RoleRoom) -> Role:
    """One role; raises `NotFound`."""
    return await room.roles.get(name)


async def create_role(
    name: str, description: str | None, permissions: Collection[str], *, principal: Principal, room: RoleRoom
) -> Role:
    """Make a role of what the caller holds himself; raises `PermissionNotHeld`, `RoleExists`."""
    concerns(name)
    require_held(principal, permissions)
    role = Role(name=name, description=description, added=frozenset(permissions))
    async with room.unit_of_work.begin():
        await room.roles.add(role)
        details = {"permissions": sorted(role.permissions)}
        await room.trail.record(Action.CREATE_ROLE, actor=principal.id, subject=role.name, details=details)
    return role


async def change_role(
    name: str, changes: RoleChanges, *, expected_version: int | None, principal: Principal, room: RoleRoom
) -> Role:
    """Change what a role holds or what it is for.

    The caller holds all that it held and all that it will hold. With other permissions the access tokens of all who
    have it become stale, before the answer.
    """
    now = utc_now()
    async with room.unit_of_work.begin():
        role = await _load(name, expected_version, principal, room)
        before = role.permissions
        if changes.changes_description:
            role.describe(changes.description)
        if changes.permissions is not None:
            require_held(principal, changes.permissions)
            role.change_permissions(changes.permissions)
        await room.roles.save(role)
        changed = role.permissions != before
        revocations = await room.holders.raise_epochs(name, now) if changed else ()
        details = {"added": sorted(role.permissions - before), "removed": sorted(before - role.permissions)}
        await room.trail.record(Action.CHANGE_ROLE, actor=principal.id, subject=name, details=details)
        await room.revocations.add_all(revocations)
    if revocations:
        await room.announcements.announce()
    return role


async def delete_role(name: str, *, expected_version: int | None, principal: Principal, room: RoleRoom) -> None:
    """Soft-delete a role that nobody has; raises `RoleInUse`, `SystemRole`."""
    now = utc_now()
    async with room.unit_of_work.begin():
        role = await _load(name, expected_version, principal, room)
        role.delete(now)
        # Before looking who has it: a deleted user who is just coming back is waited for, and seen.
        await room.holders.forget(name, now)
        if await room.holders.any(name):
            raise RoleInUse
        await room.roles.save(role)
        await room.trail.record(Action.DELETE_ROLE, actor=principal.id, subject=name)


async def _load(name: str, expected_version: int | None, principal: Principal, room: RoleRoom) -> Role:
    role = await room.roles.hold(name)
    require_held(principal, role.permissions)
    role.expect_version(expected_version)
    return role
