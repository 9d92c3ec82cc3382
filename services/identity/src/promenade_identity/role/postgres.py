"""Roles in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row, refusing_duplicates
from promenade_kernel.values.permissions import SYSTEM_ROLES

from promenade_identity.role.entity import Role, RoleExists, require_known, without_included
from promenade_identity.role.repository import ROLES, RoleFilter

# The one place that leaves deleted roles out.
_LIVING = "SELECT * FROM role WHERE deleted_at IS NULL"
_GET = _LIVING + " AND name = %(name)s"
_HOLD = _GET + " FOR UPDATE"
_OF_NAMES = _LIVING + " AND name = ANY(%(names)s)"
# Shared: others may give the same roles at the same time. In the order of the names, so that none waits for each other.
_REQUIRE = _OF_NAMES + " ORDER BY name FOR SHARE"
LIST = ListStatement(
    ROLES,
    select=_LIVING,
    where={"is_system": "(name = ANY(%(system_roles)s)) = %(is_system)s"},
    sorts={"created_at": "created_at"},
)
_INSERT = """
INSERT INTO role (id, name, description, permissions, version, last_sequence, created_at, updated_at)
VALUES (%(id)s, %(name)s, %(description)s, %(permissions)s, %(version)s, %(last_sequence)s, %(created_at)s,
        %(updated_at)s)
"""
_UPDATE = """
UPDATE role
SET name = %(name)s, description = %(description)s, permissions = %(permissions)s, version = %(version)s,
    last_sequence = %(last_sequence)s, updated_at = %(updated_at)s, deleted_at = %(deleted_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""


class PostgresRoles(BaseRepository):
    """The roles of the service's own database."""

    async def add(self, role: Role) -> None:
        """Store a new role; raises `RoleExists`."""
        with refusing_duplicates("role_name_once", RoleExists()):
            await self._insert(role, _INSERT, **_columns(role))

    async def save(self, role: Role) -> None:
        """Store a change; raises `StaleVersion`."""
        await self._update(role, _UPDATE, **_columns(role))

    async def get(self, name: str) -> Role:
        """A living role; raises `NotFound`."""
        return _found(await self._fetch_one(_GET, name=name))

    async def hold(self, name: str) -> Role:
        """As `get`; until the transaction ends nobody else changes it, and nobody is given it."""
        return _found(await self._write_one(_HOLD, name=name))

    async def list(self, wanted: RoleFilter, page: PageRequest) -> Page[Role]:
        """A page of the living roles, as `ROLES` declares the list."""
        rows = await self._fetch_listed(LIST, wanted, page, system_roles=list(SYSTEM_ROLES))
        return ROLES.cut([_to_role(row) for row in rows], page)


class PostgresGrants(BaseRepository):
    """What the roles of the service's own database allow."""

    async def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        """All that these roles allow together; names of no role allow nothing."""
        found = [_to_role(row) for row in await self._fetch_all(_OF_NAMES, names=list(roles))]
        return without_included(frozenset[str]().union(*(role.permissions for role in found)))

    async def require(self, roles: Collection[str]) -> None:
        """Raise `Invalid` naming every one that there is no role of; the others stay as they are."""
        cursor = await self._database.writing_connection().execute(_REQUIRE, {"names": list(roles)})
        require_known(roles, {row["name"] for row in await cursor.fetchall()})


def _columns(role: Role) -> Row:
    return {
        # Text values are a kind of str that the driver does not know.
        "name": str(role.name),
        "description": None if role.description is None else str(role.description),
        "permissions": sorted(map(str, role.added)),
    }


def _found(row: Row | None) -> Role:
    if row is None:
        raise NotFound("There is no such role")
    return _to_role(row)


def _to_role(row: Row) -> Role:
    fields: Row = {**row, "added": frozenset(row["permissions"])}
    del fields["permissions"]
    return Role(**fields)
