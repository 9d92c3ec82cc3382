"""Section `keys` of the configuration, and the times at which keys take turns."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from promenade_chassis.auth import CLOCK_SKEW_SECONDS, seconds_until_known
from promenade_chassis.config import AuthSettings, ConfigurationError

from promenade_identity.key.entity import KeyTimes
from promenade_identity.sealing import Seal, derived_key

SHORTEST_SECRET = 32
UNOPENED = (
    "keys.secret: AUTH_KEY_SECRET does not open the signing keys of this database; set the one they were sealed with,"
    " or name it as AUTH_KEY_SECRET_OTHER"
)


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `keys`: the secret (AUTH_KEY_SECRET) that every other key of this service is derived from.

    `secret_other` opens beside it what it had sealed before. Every replica reads the signing keys again after
    `cache_seconds`; a new one is published `publish_ahead_seconds` before it signs, by itself when the present one
    has signed for `rotate_every_days` (0: never).
    """

    secret: str = ""
    secret_other: str = ""
    cache_seconds: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    publish_ahead_seconds: float = 180.0
    rotate_every_days: Annotated[float, msgspec.Meta(ge=0)] = 90.0

    def require_secret(self) -> None:
        """Raise `ConfigurationError` when there is no secret worth the name."""
        if len(self.secret) < SHORTEST_SECRET:
            raise ConfigurationError(
                f"keys.secret: set AUTH_KEY_SECRET to at least {SHORTEST_SECRET} random characters"
            )

    def seal(self, purpose: str) -> Seal:
        """What closes with the secret and opens also with the other one."""
        others = [self.secret_other] if self.secret_other else []
        return Seal(derived_key(self.secret, purpose), *(derived_key(other, purpose) for other in others))

    def times(self, auth: AuthSettings, token_lifetime: timedelta) -> KeyTimes:
        """When keys take turns; raises `ConfigurationError` where a verifier might not know a key that signs."""
        least = self.cache_seconds + seconds_until_known(auth) + CLOCK_SKEW_SECONDS
        if self.publish_ahead_seconds < least:
            raise ConfigurationError(
                f"keys.publish_ahead_seconds: at least {least:g}, or a key could sign before everybody knows it"
            )
        return KeyTimes(
            ahead=timedelta(seconds=self.publish_ahead_seconds),
            # Of two hosts one may be behind when it signs for the last time, the other when it verifies.
            after=token_lifetime + timedelta(seconds=2 * CLOCK_SKEW_SECONDS),
            every=timedelta(days=self.rotate_every_days) if self.rotate_every_days else None,
        )
