"""Routes of registration."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from promenade_chassis.http.access import public
from promenade_chassis.http.resources import command, shown
from promenade_kernel.values.email import Email

from promenade_identity.password.entity import NewPassword
from promenade_identity.profile.entity import DisplayName, Locale
from promenade_identity.shapes import UserResource, shape
from promenade_identity.user import use_cases
from promenade_identity.user.use_cases import UserRoom

Room = NamedDependency[UserRoom]


class Register(msgspec.Struct, kw_only=True):
    """Who wants an account. The password has at least 15 characters; there are no other rules of composition."""

    email: Email
    password: NewPassword
    display_name: DisplayName | None = None
    locale: Locale | None = None


class VerifyEmail(msgspec.Struct, kw_only=True):
    """The address and the code from the mail."""

    email: Email
    code: Annotated[str, Meta(min_length=1, max_length=20, examples=["123456"])]


class ResendVerification(msgspec.Struct, kw_only=True):
    """The address that waits for its mail."""

    email: Email


class VerificationSent(msgspec.Struct):
    """The same whether the address is known or not."""

    status: str = "verification-sent"


class RegistrationController(Controller):
    """/auth: registration"""

    path = "/auth"
    tags = ("registration",)
    opt = {"ignores_keys": True}  # noqa: RUF012 - Litestar declares it so

    @post("/register", access=public(), operation_id="register", summary="Register", status_code=202)
    async def register(self, data: JSONBody[Register], user_room: Room) -> VerificationSent:
        """Sends a mail with a six-digit code. A known address gets a mail that says so instead; the answer is one."""
        await use_cases.register(
            data.email, data.password, display_name=data.display_name, locale=data.locale, room=user_room
        )
        return VerificationSent()

    @command("/verify-email", access=public(), operation_id="verify_email", summary="Prove the address with its code")
    async def verify(self, data: JSONBody[VerifyEmail], user_room: Room) -> Response[UserResource]:
        """Activates the user. Unknown address, wrong, used and expired code: 422 `invalid-code` alike."""
        return shown(shape(UserResource, await use_cases.verify_email(data.email, data.code, room=user_room)))

    @post(
        "/resend-verification",
        access=public(),
        operation_id="resend_verification",
        summary="Send the activation mail again",
        status_code=202,
    )
    async def resend(self, data: JSONBody[ResendVerification], user_room: Room) -> VerificationSent:
        """Sends another code to an address that is registered and not proved; the answer is always the same."""
        await use_cases.resend_verification(data.email, room=user_room)
        return VerificationSent()
