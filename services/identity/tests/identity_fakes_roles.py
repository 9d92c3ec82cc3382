"""In-memory stand-ins of the ports of roles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from identity_fakes_users import InMemoryUsers
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.testing.fakes import InMemoryRepository, InMemoryUnitOfWork
from promenade_identity.revocation.entity import Revocation
from promenade_identity.role.entity import Role, RoleExists, require_known, without_included
from promenade_identity.role.repository import ROLES, RoleFilter
from promenade_kernel.values.permissions import SYSTEM_ROLES


class InMemoryRoles(InMemoryRepository[Role]):
    """Roles in a dict, those of the system in it from the start; what they allow too."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        super().__init__(unit_of_work)
        system = [Role(name=name, description=f"The {name}", version=1) for name in SYSTEM_ROLES]
        self._rows = {role.id: role for role in system}

    async def add(self, role: Role) -> None:
        if self._named(role.name) is not None:
            raise RoleExists
        self._put(role)

    async def save(self, role: Role) -> None:
        self._put(role)

    async def get(self, name: str) -> Role:
        found = self._named(name)
        if found is None:
            raise NotFound("There is no such role")
        return found

    async def hold(self, name: str) -> Role:
        self._unit_of_work.require()
        return await self.get(name)

    async def list(self, wanted: RoleFilter, page: PageRequest) -> Page[Role]:
        return self._page(ROLES, lambda role: wanted.is_system in (None, role.is_system), page)

    async def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        found = [role for role in map(self._named, roles) if role is not None]
        return without_included({each for role in found for each in role.permissions})

    async def require(self, roles: Collection[str]) -> None:
        self._unit_of_work.require()
        require_known(roles, {role.name for role in self._living()})

    def _named(self, name: str) -> Role | None:
        return self._find(lambda role: role.name == name)


class InMemoryHolders:
    """The users of a fake, looked at from the roles' side."""

    def __init__(self, users: InMemoryUsers) -> None:
        self._users = users

    async def any(self, role: str) -> bool:
        return any(role in user.roles and not user.is_deleted for user in self._users.all())

    async def raise_epochs(self, role: str, now: datetime) -> Sequence[Revocation]:
        holders = [user for user in self._users.all() if role in user.roles]
        for user in holders:
            user.raise_epoch()
            self._users.overwrite(user, now)
        return [Revocation.of_epochs_before(each.authz_epoch, each.id, now) for each in holders if not each.is_deleted]

    async def forget(self, role: str, now: datetime) -> None:
        for user in self._users.all():
            if user.is_deleted and role in user.roles:
                user.roles = tuple(each for each in user.roles if each != role)
                self._users.overwrite(user, now)
