"""The bearer token of a request."""

from __future__ import annotations

from promenade_chassis.auth import AccessToken, InvalidToken, TokenVerifier, digest_of
from promenade_chassis.ports import DomainError, Unauthenticated

from promenade_gateway.meters import TOKEN_CACHE_HITS, TOKEN_CACHE_MISSES
from promenade_gateway.request import Request


async def authenticate(
    verifier: TokenVerifier, request: Request, *, needed: bool
) -> tuple[AccessToken | None, DomainError | None]:
    """The verified token, or why there is none.

    The fault is returned, not raised: the attempt has to be counted before it is refused. A bad token is a fault
    on public routes too, so that a client learns of it.
    """
    if request.facts.digest is not None:
        known = verifier.remembered(request.facts.digest)
        if known is not None:
            TOKEN_CACHE_HITS.inc()
            return known, None
    authorization = request.fields.get(b"authorization")
    if authorization is None:
        return None, Unauthenticated() if needed else None
    scheme, _, token = authorization.decode("latin-1").partition(" ")
    token = token.strip()
    if not token or scheme.lower() != "bearer":
        return None, InvalidToken("Authorization must be `Bearer <token>`")
    try:
        return await _verified(verifier, request, token), None
    except DomainError as error:
        return None, error


async def _verified(verifier: TokenVerifier, request: Request, token: str) -> AccessToken:
    known = verifier.known(token)
    if known is None:
        TOKEN_CACHE_MISSES.inc()
        known = await verifier.verify(token)
    else:
        TOKEN_CACHE_HITS.inc()
    request.facts.digest = digest_of(token)
    return known
