"""What can be done with profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from promenade_chassis.ports import NotFound, Principal, UnitOfWork, invalid_field, utc_now
from promenade_kernel.values.errors import InvalidValue

from promenade_identity.profile.entity import Profile
from promenade_identity.profile.repository import Profiles, Superiors

READ, WRITE = "profiles:read", "profiles:write"


@dataclass(frozen=True, slots=True)
class ProfileRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    profiles: Profiles
    superiors: Superiors


async def get_own_profile(*, principal: Principal, room: ProfileRoom) -> Profile:
    """One's own profile."""
    return await room.profiles.of_user(principal.id)


async def get_profile(user_id: UUID, *, principal: Principal | None, room: ProfileRoom) -> Profile:
    """A profile that is public, one's own, or with profiles:read any; raises `NotFound` for others."""
    profile = await room.profiles.of_user(user_id)
    if not profile.is_public and (principal is None or not principal.reaches(user_id, READ)):
        raise NotFound("There is no such profile")
    return profile


async def change_profile(
    user_id: UUID,
    changes: Mapping[str, Any],
    *,
    expected_version: int | None,
    principal: Principal,
    room: ProfileRoom,
) -> Profile:
    """Change the fields named in `changes`, None clears one: one's own, or with profiles:write anybody's."""
    principal.require_reach(user_id, WRITE, "profile")
    async with room.unit_of_work.begin():
        profile = await room.profiles.of_user(user_id)
        await room.superiors.require_outranked(user_id, principal)
        profile.expect_version(expected_version)
        try:
            profile.change(utc_now().date(), **changes)
        except InvalidValue as fault:
            raise invalid_field(fault.pointer, fault.code, fault.detail) from fault
        await room.profiles.save(profile)
    return profile
