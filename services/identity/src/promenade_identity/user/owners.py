"""Users as the rooms below see them: whose contacts and profiles there are, and who may touch them."""

from __future__ import annotations

from uuid import UUID

from promenade_chassis.ports import Principal

from promenade_identity.role.repository import Grants
from promenade_identity.user.repository import Users, require_outranked


class Owners:
    """What contacts and profiles ask about users."""

    def __init__(self, users: Users, grants: Grants) -> None:
        self._users = users
        self._grants = grants

    async def hold(self, user_id: UUID) -> bool:
        """Whether there is such a living user; he then lives until the transaction ends."""
        return await self._users.hold(user_id)

    async def require_outranked(self, user_id: UUID, principal: Principal) -> None:
        """Raise `PermissionNotHeld` when he holds what the caller lacks; oneself one may always change."""
        await require_outranked(user_id, principal, self._users, self._grants)
