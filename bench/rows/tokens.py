"""The check of an access token, as the gateway and every service make it: verified anew, and from the cache."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from engines import Rig
from measure import Contender, Reading, Row, Watch, looped
from own import Mint
from promenade_chassis.auth import Keys, TokenVerifier
from promenade_chassis.testing.issuer import AUDIENCE, ISSUER

PRINCIPALS = 500
ANEW = "the same without the cache"


class _CountingKeys(Keys):
    """A key is asked for once for each signature that is really verified."""

    verified = 0

    async def get(self, kid: str) -> Any:
        """The key named `kid`."""
        self.verified += 1
        return await super().get(kid)


def _checked(verifier_class: type[TokenVerifier]) -> Callable[[Rig], Any]:
    async def run(rig: Rig) -> Reading:
        mint = Mint()
        keys = _CountingKeys(mint.issuer.fetch)
        verifier = verifier_class(keys, issuer=ISSUER, audience=AUDIENCE)
        tokens = [mint.token() for _ in range(min(PRINCIPALS, rig.size))]
        # Everybody once at least, then as it comes: what is measured is how a cache does, not how it warms.
        order = tokens + random.Random(7).choices(tokens, k=rig.size - len(tokens))
        with Watch() as watch:
            for token in order:
                assert (await verifier.verify(token)).expires_at
        return watch.reading(rig.size, facts={"hit rate": round(1 - keys.verified / rig.size, 4)})

    return run


class _Forgetful(TokenVerifier):
    """Remembers nothing."""

    cache_size = 0


ROWS = [
    Row(
        "token-check",
        f"an EdDSA access token checked, {PRINCIPALS} principals",
        "checks/s",
        Contender("TokenVerifier", looped(_checked(TokenVerifier)), least=2_000, most=200_000),
        [Contender(ANEW, looped(_checked(_Forgetful)), least=2_000, most=20_000)],
    )
]
