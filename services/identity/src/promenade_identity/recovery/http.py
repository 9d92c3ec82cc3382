"""Routes of passwords."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from promenade_chassis.http.access import own, public
from promenade_chassis.http.resources import Caller
from promenade_kernel.values.email import Email

from promenade_identity.password.entity import GivenPassword, NewPassword
from promenade_identity.recovery import use_cases
from promenade_identity.recovery.use_cases import RecoveryRoom

Room = NamedDependency[RecoveryRoom]


class ForgotPassword(msgspec.Struct, kw_only=True):
    """Whose password it is."""

    email: Email


class ResetPassword(msgspec.Struct, kw_only=True):
    """The code from the mail, and the password to be."""

    email: Email
    code: Annotated[str, Meta(min_length=1, max_length=20, examples=["123456"])]
    new_password: NewPassword


class ChangePassword(msgspec.Struct, kw_only=True):
    """The password that is, and the one to be."""

    current_password: GivenPassword
    new_password: NewPassword


class ResetSent(msgspec.Struct):
    """The same whether the address is known or not."""

    status: str = "reset-sent"


class RecoveryController(Controller):
    """/auth/password"""

    path = "/auth/password"
    tags = ("passwords",)
    opt = {"ignores_keys": True}  # noqa: RUF012 - Litestar declares it so

    @post("/forgot", access=public(), operation_id="forget_password", summary="Ask for a code", status_code=202)
    async def forget(self, data: JSONBody[ForgotPassword], recovery_room: Room) -> ResetSent:
        """Sends a code to an address that has an active account or was invited; the answer is always the same."""
        await use_cases.forget_password(data.email, room=recovery_room)
        return ResetSent()

    @post("/reset", access=public(), operation_id="reset_password", summary="Set a password by code", status_code=204)
    async def reset(self, data: JSONBody[ResetPassword], recovery_room: Room) -> None:
        """Ends all sessions; the code of an invitation sets the first password and activates the user.

        Unknown address, wrong, used and expired code: 422 `invalid-code` alike.
        """
        await use_cases.reset_password(data.email, data.code, data.new_password, room=recovery_room)

    @post("/change", access=own(), operation_id="change_password", summary="Change the password", status_code=204)
    async def change(self, data: JSONBody[ChangePassword], principal: Caller, recovery_room: Room) -> None:
        """Ends the other sessions and makes all access tokens stale: refresh yours."""
        await use_cases.change_password(
            data.current_password, data.new_password, principal=principal, room=recovery_room
        )
