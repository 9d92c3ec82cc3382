"""Routes of users, for staff."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from promenade_chassis.http.access import permission
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import Caller, ExpectedVersion, PathId, command, created, shown
from promenade_chassis.ports import utc_now
from promenade_kernel.values.email import Email

from promenade_identity.administration import use_cases
from promenade_identity.administration.entity import FutureTime, ManagedUser, Reason
from promenade_identity.administration.use_cases import AdministrationRoom
from promenade_identity.profile.entity import DisplayName
from promenade_identity.shapes import UserResource, shape
from promenade_identity.user.repository import USERS, UserFilter

PATH = "/api/v1/identity/users"
Room = NamedDependency[AdministrationRoom]
Roles = Annotated[list[Annotated[str, Meta(min_length=1, max_length=100)]], Meta(min_length=1, max_length=50)]


class InviteUser(msgspec.Struct, kw_only=True):
    """Whom to let in, and as what. Repeated roles count once; `user` is the one that allows nothing beyond his own."""

    email: Email
    roles: Roles
    display_name: DisplayName | None = None


class SuspendUser(msgspec.Struct, kw_only=True):
    """Why, for staff to read, and until when; without `until` it lasts until somebody reinstates the user."""

    reason: Reason
    until: FutureTime | None = None


class ChangeRoles(msgspec.Struct, kw_only=True):
    """All the roles that the user has from now on. Repeated ones count once."""

    roles: Roles


class ManagedUserResource(UserResource, kw_only=True):
    """A user as staff see him; `locked_until` is the end of a lock that wrong passwords have put on."""

    display_name: str | None
    is_invited: bool
    last_login_at: datetime | None
    locked_until: datetime | None
    suspended_until: datetime | None
    suspension_reason: str | None


Answer = Response[ManagedUserResource]


def to_resource(managed: ManagedUser) -> ManagedUserResource:
    """The user as the API shows him to staff."""
    user = managed.user
    return shape(
        ManagedUserResource,
        user,
        display_name=managed.display_name,
        locked_until=user.locked_until if user.is_locked(utc_now()) else None,
    )


class UserController(Controller):
    """/users"""

    path = "/users"
    tags = ("users",)

    @listing("/", USERS, access=permission(use_cases.READ), operation_id="list_users", summary="List users")
    async def list(self, asked: Asked[UserFilter], administration_room: Room) -> Response[Listing[ManagedUserResource]]:
        """All users but deleted ones, newest first."""
        found = await use_cases.list_users(asked.wanted, asked.page, room=administration_room)
        return listed(asked, found.map(to_resource))

    @get("/{user_id:uuid}", access=permission(use_cases.READ), operation_id="get_user", summary="Read a user")
    async def read(self, user_id: PathId, administration_room: Room) -> Answer:
        """The user with his ETag."""
        return shown(to_resource(await use_cases.get_user(user_id, room=administration_room)))

    @post(
        "/",
        access=permission(use_cases.CREATE),
        operation_id="invite_user",
        summary="Invite a user",
        status_code=201,
        refuses=(409,),
    )
    async def invite(self, data: JSONBody[InviteUser], principal: Caller, administration_room: Room) -> Answer:
        """Sends a mail with a code, good for 7 days, that sets the first password at `/auth/password/reset`.

        Who has registered the address without proving it becomes the invited user; inviting again sends another mail.
        Needs every permission of the roles, else 403 `permission-not-held`.
        """
        user = await use_cases.invite_user(
            data.email, data.roles, data.display_name, principal=principal, room=administration_room
        )
        return created(to_resource(user), f"{PATH}/{user.user.id}")

    @command(
        "/{user_id:uuid}/suspend",
        access=permission(use_cases.SUSPEND),
        operation_id="suspend_user",
        summary="Suspend a user",
    )
    async def suspend(
        self,
        user_id: PathId,
        data: JSONBody[SuspendUser],
        expected_version: ExpectedVersion,
        principal: Caller,
        administration_room: Room,
    ) -> Answer:
        """Ends all sessions and makes all access tokens stale. The last active superadmin stays."""
        user = await use_cases.suspend_user(
            user_id,
            data.reason,
            data.until.instant if data.until else None,
            expected_version=expected_version,
            principal=principal,
            room=administration_room,
        )
        return shown(to_resource(user))

    @command(
        "/{user_id:uuid}/reinstate",
        access=permission(use_cases.SUSPEND),
        operation_id="reinstate_user",
        summary="Reinstate a suspended user",
    )
    async def reinstate(
        self, user_id: PathId, expected_version: ExpectedVersion, principal: Caller, administration_room: Room
    ) -> Answer:
        """He may sign in again; his earlier sessions stay ended."""
        user = await use_cases.reinstate_user(
            user_id, expected_version=expected_version, principal=principal, room=administration_room
        )
        return shown(to_resource(user))

    @command(
        "/{user_id:uuid}/unlock",
        access=permission(use_cases.SUSPEND),
        operation_id="unlock_user",
        summary="Unlock a user",
    )
    async def unlock(
        self, user_id: PathId, expected_version: ExpectedVersion, principal: Caller, administration_room: Room
    ) -> Answer:
        """Forgets his wrong passwords, and the lock with them, if there is one."""
        user = await use_cases.unlock_user(
            user_id, expected_version=expected_version, principal=principal, room=administration_room
        )
        return shown(to_resource(user))

    @put(
        "/{user_id:uuid}/roles",
        access=permission(use_cases.ASSIGN_ROLES),
        operation_id="change_user_roles",
        summary="Change a user's roles",
    )
    async def change_roles(
        self,
        user_id: PathId,
        data: JSONBody[ChangeRoles],
        expected_version: ExpectedVersion,
        principal: Caller,
        administration_room: Room,
    ) -> Answer:
        """Makes his access tokens stale: those of a refresh know the new roles.

        Needs every permission of the roles given and of those he has, else 403 `permission-not-held`. The last active
        superadmin stays one.
        """
        user = await use_cases.change_user_roles(
            user_id, data.roles, expected_version=expected_version, principal=principal, room=administration_room
        )
        return shown(to_resource(user))

    @delete("/{user_id:uuid}", access=permission(use_cases.DELETE), operation_id="delete_user", summary="Delete a user")
    async def remove(
        self, user_id: PathId, expected_version: ExpectedVersion, principal: Caller, administration_room: Room
    ) -> None:
        """Ends all sessions and makes all access tokens stale; the address is free again.

        The last active superadmin stays.
        """
        await use_cases.delete_user(
            user_id, expected_version=expected_version, principal=principal, room=administration_room
        )

    @command(
        "/{user_id:uuid}/restore",
        access=permission(use_cases.DELETE),
        operation_id="restore_user",
        summary="Restore a deleted user",
    )
    async def restore(
        self, user_id: PathId, expected_version: ExpectedVersion, principal: Caller, administration_room: Room
    ) -> Answer:
        """He is what he was when he was deleted; 409 `email-taken` when somebody else has his address now."""
        user = await use_cases.restore_user(
            user_id, expected_version=expected_version, principal=principal, room=administration_room
        )
        return shown(to_resource(user))
