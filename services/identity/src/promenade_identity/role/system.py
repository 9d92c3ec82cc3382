"""The roles that every installation has, without any of its own."""

from __future__ import annotations

from collections.abc import Collection

from promenade_chassis.ports import Fault, Invalid
from promenade_kernel.values.permissions import SYSTEM_ROLES


class SystemRoles:
    """Knows the roles of the kernel."""

    async def permissions_of(self, roles: Collection[str]) -> frozenset[str]:
        """All that these roles allow together; names of no role allow nothing."""
        return frozenset[str]().union(*(SYSTEM_ROLES.get(role, frozenset()) for role in roles))

    async def require(self, roles: Collection[str]) -> None:
        """Raise `Invalid` naming every one that there is no role of, at `/roles/<index>`."""
        faults = [
            Fault(f"/roles/{index}", "There is no such role", "unknown-role")
            for index, role in enumerate(roles)
            if role not in SYSTEM_ROLES
        ]
        if faults:
            raise Invalid(faults)
