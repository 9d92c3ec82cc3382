"""Who is calling: the middleware that verifies the bearer token."""

from __future__ import annotations

from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import structs

from promenade_chassis.auth import InvalidToken, TokenVerifier
from promenade_chassis.http.layers import Layer
from promenade_chassis.ports import current_cause, use_cause


class Authentication(Layer):
    """Puts the verified `Principal` into the scope's state and into the cause; no header leaves the caller anonymous.

    A token that does not verify is refused, also on public routes: a client should learn of it.
    """

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Verify and go on."""
        header = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if header is not None:
            token = await self._verifier.verify(_bearer(header.decode("latin-1")))
            scope["state"]["principal"] = token.principal
            scope["state"]["access_token"] = token
            with use_cause(structs.replace(current_cause(), actor=str(token.principal.id))):
                await next_app(scope, receive, send)
            return
        await next_app(scope, receive, send)


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidToken("Authorization must be `Bearer <token>`")
    return token.strip()
