"""A role: a named set of permissions."""

from __future__ import annotations

from promenade_chassis.ports import Forbidden


class PermissionNotHeld(Forbidden):
    """Nobody gives, takes or touches what he does not hold himself."""

    slug = "permission-not-held"
    title = "This goes beyond your own permissions"
    advice = "Ask somebody who holds all the permissions concerned; `GET /me` lists your own."
