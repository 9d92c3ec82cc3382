"""Routes of roles and of the catalogue of permissions."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType
from promenade_chassis.http.access import permission
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import Caller, ExpectedVersion, Resource, created, shown
from promenade_kernel.values.permissions import PERMISSIONS, Permission

from promenade_identity.role import use_cases
from promenade_identity.role.entity import Role, RoleDescription, RoleName
from promenade_identity.role.repository import ROLES, RoleFilter
from promenade_identity.role.use_cases import RoleChanges, RoleRoom

PATH = "/api/v1/identity/roles"
READ, WRITE = permission(use_cases.READ), permission(use_cases.WRITE)
Room = NamedDependency[RoleRoom]
# More than there are, every wildcard among them.
Permissions = Annotated[
    list[Permission],
    Meta(max_length=200, description="Of `GET /permissions`, or `orders:*` for every action on orders, or `*:*`."),
]


class CreateRole(msgspec.Struct, kw_only=True):
    """A role to make; the caller holds all that it will hold."""

    name: RoleName
    description: RoleDescription | None = None
    permissions: Permissions


class ChangeRole(msgspec.Struct, kw_only=True):
    """What to change: `permissions` is all that the role holds from now on, a null `description` clears it."""

    description: RoleDescription | None | UnsetType = UNSET
    permissions: Permissions | UnsetType = UNSET


class RoleResource(Resource, kw_only=True):
    """A role. Those of the system are in every installation, and hold at least what they come with."""

    name: str
    description: str | None
    permissions: list[str]
    is_system: bool


class PermissionResource(msgspec.Struct, kw_only=True):
    """A permission, `resource:action`, and what it allows."""

    name: str
    meaning: str


class Catalogue(msgspec.Struct, kw_only=True):
    """Every permission there is, in one page."""

    items: list[PermissionResource]
    next_cursor: None = None


Answer = Response[RoleResource]
CATALOGUE = Catalogue(items=[PermissionResource(name=name, meaning=PERMISSIONS[name]) for name in sorted(PERMISSIONS)])


def to_resource(role: Role) -> RoleResource:
    """The role as the API shows it."""
    return RoleResource(
        id=role.id,
        version=role.version,
        created_at=role.created_at,
        updated_at=role.updated_at,
        name=role.name,
        description=role.description,
        permissions=sorted(role.permissions),
        is_system=role.is_system,
    )


class RoleController(Controller):
    """/roles"""

    path = "/roles"
    tags = ("roles",)

    @listing("/", ROLES, access=READ, operation_id="list_roles", summary="List roles")
    async def list(self, asked: Asked[RoleFilter], role_room: Room) -> Response[Listing[RoleResource]]:
        """All roles, newest first; those of the system are the oldest."""
        return listed(asked, (await use_cases.list_roles(asked.wanted, asked.page, room=role_room)).map(to_resource))

    @get("/{name:str}", access=READ, operation_id="get_role", summary="Read a role")
    async def read(self, name: FromPath[RoleName], role_room: Room) -> Answer:
        """The role with its ETag."""
        return shown(to_resource(await use_cases.get_role(name, room=role_room)))

    @post("/", access=WRITE, operation_id="create_role", summary="Make a role", status_code=201)
    async def create(self, data: JSONBody[CreateRole], principal: Caller, role_room: Room) -> Answer:
        """Nobody puts in what he does not hold himself: 403 `permission-not-held`."""
        role = await use_cases.create_role(
            data.name, data.description, data.permissions, principal=principal, room=role_room
        )
        return created(to_resource(role), f"{PATH}/{role.name}")

    @patch("/{name:str}", access=WRITE, operation_id="change_role", summary="Change a role")
    async def change(
        self,
        name: FromPath[RoleName],
        data: JSONBody[ChangeRole],
        expected_version: ExpectedVersion,
        principal: Caller,
        role_room: Room,
    ) -> Answer:
        """The access tokens of all who have it become stale with other permissions; they refresh them.

        Roles of the system keep what they come with: 409 `system-role`. The caller holds all that the role holds.
        """
        role = await use_cases.change_role(
            name, _changes(data), expected_version=expected_version, principal=principal, room=role_room
        )
        return shown(to_resource(role))

    @delete("/{name:str}", access=WRITE, operation_id="delete_role", summary="Delete a role")
    async def remove(
        self, name: FromPath[RoleName], expected_version: ExpectedVersion, principal: Caller, role_room: Room
    ) -> None:
        """A role that somebody has stays: 409 `role-in-use`; so do those of the system: 409 `system-role`."""
        await use_cases.delete_role(name, expected_version=expected_version, principal=principal, room=role_room)


class PermissionController(Controller):
    """/permissions"""

    path = "/permissions"
    tags = ("roles",)

    @get("/", access=READ, operation_id="list_permissions", summary="Read the catalogue of permissions")
    async def read(self) -> Catalogue:
        """Every permission that a role can hold, with its meaning; always whole."""
        return CATALOGUE


def _changes(data: ChangeRole) -> RoleChanges:
    return RoleChanges(
        permissions=None if data.permissions is UNSET else frozenset(data.permissions),
        description=None if data.description is UNSET else data.description,
        changes_description=data.description is not UNSET,
    )
