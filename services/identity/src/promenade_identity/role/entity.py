"""A role: a named set of permissions."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from promenade_chassis.ports import Aggregate, Conflict, Fault, Forbidden, Invalid, Principal
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.permissions import EVERYTHING, SYSTEM_ROLES, grants
from promenade_kernel.values.text import TextValue, one_line

GUEST = "guest"
# A token names all roles of its user: with more of the longest names it could become longer than verifiers take.
MOST_ROLES = 50
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class PermissionNotHeld(Forbidden):
    """Nobody gives, takes or touches what he does not hold himself."""

    slug = "permission-not-held"
    title = "This goes beyond your own permissions"
    advice = "Ask somebody who holds all the permissions concerned; `GET /me` lists your own."


class RoleExists(Conflict):
    """Names of roles are unique."""

    slug = "role-exists"
    title = "There is a role of this name already"
    advice = "Change that role, or choose another name."


class RoleInUse(Conflict):
    """Somebody has the role; he would lose it without anybody having decided so."""

    slug = "role-in-use"
    title = "The role is somebody's"
    advice = "Take the role from all users who have it (`GET /users?role=` lists them), then delete it."


class SystemRole(Conflict):
    """Roles of the system stay, with at least the permissions they come with."""

    slug = "system-role"
    title = "A role of the system cannot be deleted or narrowed"
    advice = "Send all its permissions along with those to add, or make a role of your own."


class RoleName(TextValue):
    """What a role is called, in lower kebab case: `warehouse`, `back-office`."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": f"^{_NAME.pattern}$",
        "minLength": 2,
        "maxLength": 50,
        "examples": ["back-office"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        if not 2 <= len(text) <= 50 or _NAME.fullmatch(text) is None:
            raise InvalidValue("invalid-role-name", "A role's name is 2 to 50 characters in lower kebab case.")
        return text


class RoleDescription(TextValue):
    """What a role is for, in one line of up to 200 characters."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 200}

    @classmethod
    def _normalise(cls, text: str) -> str:
        return one_line(text, maximum=200)


@dataclass(kw_only=True)
class Role(Aggregate):
    """The aggregate root. `added` is what it holds beyond its minimum, which only roles of the system have."""

    name: str
    description: str | None = None
    added: frozenset[str] = frozenset()

    @property
    def is_system(self) -> bool:
        """Whether every installation has it."""
        return self.name in SYSTEM_ROLES

    @property
    def minimum(self) -> frozenset[str]:
        """What this release gives it, whatever is stored."""
        return SYSTEM_ROLES.get(self.name, frozenset())

    @property
    def permissions(self) -> frozenset[str]:
        """All that it holds."""
        return self.minimum | self.added

    def describe(self, description: str | None) -> None:
        """Say what it is for."""
        self.description = description

    def change_permissions(self, wanted: Collection[str]) -> None:
        """Hold these from now on; raises `SystemRole` for less than the minimum."""
        missing = sorted(each for each in self.minimum if not grants(wanted, each))
        if missing:
            raise SystemRole(f"{self.name} keeps {', '.join(missing)}")
        added = frozenset(each for each in wanted if not grants(self.minimum, each))
        # Who has not signed in has no token that could carry any: the routes say what is public.
        if self.name == GUEST and added:
            raise SystemRole("guest stands for whoever is not signed in, and nothing would come of more permissions")
        self.added = added

    def delete(self, now: datetime) -> None:
        """Soft-delete; raises `SystemRole`."""
        if self.is_system:
            raise SystemRole(f"{self.name} is a role of the system")
        self.deleted_at = now


def require_held(principal: Principal, permissions: Collection[str]) -> None:
    """Raise `PermissionNotHeld` unless the caller holds all of them himself; wildcards count."""
    lacking = sorted(each for each in permissions if not principal.may(each))
    if lacking:
        raise PermissionNotHeld(f"You do not hold {', '.join(lacking)}")


def require_known(roles: Collection[str], known: Collection[str]) -> None:
    """Raise `Invalid` naming each of a user's roles that is not known, at `/roles/<index>`, or if they are too many."""
    faults = [
        Fault(f"/roles/{index}", "There is no such role", "unknown-role")
        for index, name in enumerate(roles)
        if name not in known
    ]
    if len(roles) > MOST_ROLES:
        faults.append(Fault("/roles", f"A user has at most {MOST_ROLES} roles", "invalid-length"))
    if faults:
        raise Invalid(faults)


def without_included(permissions: Collection[str]) -> frozenset[str]:
    """The fewest permissions that allow the same: none that a wildcard among them includes.

    Single actions never become a wildcard: who holds every action of today does not hold those to come.
    """
    if EVERYTHING in permissions:
        return frozenset({EVERYTHING})
    wide = {each.partition(":")[0] for each in permissions if each.endswith(":*")}
    return frozenset(each for each in permissions if each.endswith(":*") or each.partition(":")[0] not in wide)
