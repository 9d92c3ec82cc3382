"""Routes of signing in and out, and of sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from promenade_chassis.http.access import own, public
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import AnyRequest, Caller, ExpectedVersion, PathId, Resource, command
from promenade_chassis.ports import NoFilters, utc_now
from promenade_kernel.values.email import Email

from promenade_identity.caller import address_of, device_of
from promenade_identity.password.entity import GivenPassword
from promenade_identity.session import use_cases
from promenade_identity.session.entity import Session
from promenade_identity.session.repository import SESSIONS
from promenade_identity.session.use_cases import Client, SessionRoom, SignedIn
from promenade_identity.shapes import UserResource, shape

Room = NamedDependency[SessionRoom]
# An access token sent by mistake is refused as a token, not as a text that is too long.
LONGEST_TOKEN = 8192


class Login(msgspec.Struct, kw_only=True):
    """Who is signing in."""

    email: Email
    password: GivenPassword


class Refresh(msgspec.Struct, kw_only=True):
    """The refresh token of the last answer."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=LONGEST_TOKEN)]


class Tokens(msgspec.Struct, kw_only=True):
    """An access token for the `Authorization` header and the token that fetches the next one. Times in seconds."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user: UserResource


class SessionResource(Resource, kw_only=True):
    """A login that lasts; `current` is the one of the token used for asking."""

    device: str | None
    ip: str | None
    last_used_at: datetime
    expires_at: datetime
    current: bool


class SessionController(Controller):
    """/auth: sessions"""

    path = "/auth"
    tags = ("sessions",)
    opt = {"ignores_keys": True}  # noqa: RUF012 - Litestar declares it so

    @command("/login", access=public(), operation_id="login", summary="Sign in")
    async def login(self, request: AnyRequest, data: JSONBody[Login], session_room: Room) -> Tokens:
        """Unknown address, wrong password, pending and locked account: 401 `invalid-credentials` alike."""
        found = await use_cases.login(data.email, data.password, client=client_of(request), room=session_room)
        return _tokens(found, session_room)

    @command("/refresh", access=public(), operation_id="refresh", summary="Exchange a refresh token")
    async def refresh(self, request: AnyRequest, data: JSONBody[Refresh], session_room: Room) -> Tokens:
        """Each token counts once; parallel use within 10 seconds gets the same successor.

        Later use is 401 `refresh-token-reused` and ends the session.
        """
        found = await use_cases.refresh(data.refresh_token, client=client_of(request), room=session_room)
        return _tokens(found, session_room)

    @post("/logout", access=own(), operation_id="logout", summary="Sign out", status_code=204)
    async def logout(self, principal: Caller, session_room: Room) -> None:
        """Ends the session of the access token that is used."""
        await use_cases.logout(principal=principal, room=session_room)

    @post("/logout-all", access=own(), operation_id="logout_all", summary="Sign out everywhere", status_code=204)
    async def logout_all(self, principal: Caller, session_room: Room) -> None:
        """Ends all sessions; access tokens given out before are refused at once."""
        await use_cases.logout_all(principal=principal, room=session_room)

    @listing("/sessions", SESSIONS, access=own(), operation_id="list_sessions", summary="List one's own sessions")
    async def list(
        self, asked: Asked[NoFilters], principal: Caller, session_room: Room
    ) -> Response[Listing[SessionResource]]:
        """The sessions that can still be refreshed, newest first."""
        found = await use_cases.list_sessions(asked.page, principal=principal, room=session_room)
        return listed(asked, found.map(lambda session: _resource(session, principal.session_id)))

    @delete(
        "/sessions/{session_id:uuid}",
        access=own(use_cases.REVOKE),
        operation_id="end_session",
        summary="End a session",
    )
    async def end(
        self, session_id: PathId, expected_version: ExpectedVersion, principal: Caller, session_room: Room
    ) -> None:
        """Its refresh token and its access tokens stop counting at once."""
        await use_cases.end_session(
            session_id, expected_version=expected_version, principal=principal, room=session_room
        )


def client_of(request: AnyRequest) -> Client:
    """Device and address as the request tells them."""
    return Client(device=device_of(request.scope), ip=address_of(request.scope))


def _tokens(signed_in: SignedIn, room: SessionRoom) -> Tokens:
    left = signed_in.refresh_expires_at - utc_now()
    return Tokens(
        access_token=signed_in.access_token,
        expires_in=int(room.access_tokens.lifetime.total_seconds()),
        refresh_token=signed_in.refresh_token,
        refresh_expires_in=round(left.total_seconds()),
        user=shape(UserResource, signed_in.user),
    )


def _resource(session: Session, current: str | None) -> SessionResource:
    return shape(SessionResource, session, current=str(session.id) == current)
