"""The route of the public keys."""

from __future__ import annotations

from litestar import Controller, get
from litestar.di import NamedDependency
from promenade_chassis.http.access import public

from promenade_identity.key import use_cases
from promenade_identity.key.entity import Jwk
from promenade_identity.key.use_cases import KeyRoom


class KeyController(Controller):
    """/.well-known"""

    path = "/.well-known"
    tags = ("keys",)

    @get(
        "/jwks.json",
        access=public(),
        operation_id="get_jwks",
        summary="The keys that access tokens are verified with",
    )
    async def read(self, key_room: NamedDependency[KeyRoom]) -> dict[str, list[Jwk]]:
        """A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037)."""
        return await use_cases.public_keys(room=key_room)
