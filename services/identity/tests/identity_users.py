"""The room `administration` in tests: users in any state, and how each write of `/users` is made possible."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
from litestar import Litestar
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_chassis.testing.route_contract import Act
from promenade_identity.administration.http import PATH, UserController
from promenade_identity.administration.use_cases import AdministrationRoom
from promenade_identity.user.entity import User, UserStatus
from promenade_kernel.values.email import Email

COMMANDS = {
    "suspend_user": "suspend",
    "reinstate_user": "reinstate",
    "unlock_user": "unlock",
    "change_user_roles": "roles",
    "restore_user": "restore",
}
# The state that each operation is tried in, where that is not an active user.
STATES = {"reinstate_user": UserStatus.SUSPENDED, "restore_user": UserStatus.DELETED}
BODIES: dict[str, dict[str, Any]] = {
    "suspend_user": {"reason": "Left the company"},
    "change_user_roles": {"roles": ["manager"]},
}
# What each operation is called in `allowed_actions`.
ACTIONS = {
    "suspend_user": "suspend",
    "reinstate_user": "reinstate",
    "unlock_user": "unlock",
    "change_user_roles": "change-roles",
    "delete_user": "delete",
}


def users_app(room: AdministrationRoom, verifier: FakeVerifier, idempotency: IdempotencyStore) -> Litestar:
    """Identity's application with the routes of users alone."""
    return create_app(
        context="identity",
        version="1",
        description="Identity",
        routes=[UserController],
        dependencies={"administration_room": room},
        verifier=verifier,
        unit_of_work=room.unit_of_work,
        idempotency=idempotency,
        readiness=Readiness("identity", "1", {}),
        http=HttpSettings(),
    )


def user_in(status: UserStatus, roles: tuple[str, ...] = ("user",)) -> User:
    """A user who has come into a state the way users do, with an address nobody else has."""
    user = User(email=Email(f"{uuid4().hex}@example.com"), roles=roles)
    if status is not UserStatus.PENDING:
        user.appoint("a password hash", roles, utc_now())
    if status is UserStatus.SUSPENDED:
        user.suspend(None, "Left the company")
    return user


async def add_user(
    room: AdministrationRoom, status: UserStatus = UserStatus.ACTIVE, roles: tuple[str, ...] = ("user",)
) -> User:
    """Store a user in a state."""
    user = user_in(status, roles)
    async with room.unit_of_work.begin():
        await room.users.add(user)
        if status is UserStatus.DELETED:
            user.delete(utc_now())
            await room.users.save(user)
    return user


def path_of(user: User, command: str = "") -> str:
    """Where staff find a user, or one of his commands."""
    return f"{PATH}/{user.id}" + (f"/{command}" if command else "")


class UserActs:
    """The client is signed in as somebody who may do everything."""

    def __init__(self, client: httpx.AsyncClient, room: AdministrationRoom) -> None:
        self._client = client
        self._room = room

    async def __call__(self, operation: str) -> Act:
        """The request of an operation, possible now."""
        headers = {"Authorization": self._client.headers["Authorization"]}
        if operation == "invite_user":
            invited = {"email": f"{uuid4().hex}@example.com", "roles": ["user"]}
            return Act(path=PATH, body=invited, headers=headers)
        user = await add_user(self._room, STATES.get(operation, UserStatus.ACTIVE))
        more: dict[str, Any] = {"version": user.version} if user.is_deleted else {}
        return Act(
            path=path_of(user, COMMANDS.get(operation, "")),
            body=BODIES.get(operation),
            watch=path_of(user),
            headers=headers,
            **more,
        )
