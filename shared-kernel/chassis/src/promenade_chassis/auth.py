"""Access tokens: verified with Identity's public keys, by the gateway and again by every service."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import aiohttp
import jwt
import msgspec
import structlog

from promenade_chassis.config import AuthSettings
from promenade_chassis.ports import Principal, ServiceUnavailable, Unauthenticated

log = structlog.get_logger(__name__)

ALGORITHM = "EdDSA"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # the media type of RFC 9068, no secret
REQUIRED_CLAIMS = ["iss", "aud", "sub", "client_id", "jti", "iat", "exp", "sid", "epoch"]
ALLOWED_HEADERS = {"alg", "typ", "kid"}
MAX_TOKEN_LENGTH = 8192
# How far the signer's clock may be ahead of ours. A token's end is not stretched: who ends a life must be believed.
CLOCK_SKEW_SECONDS = 5
FETCH_SECONDS = 3

Jwks = dict[str, Any]
FetchJwks = Callable[[], Awaitable[Jwks]]


class InvalidToken(Unauthenticated):
    """The bearer token does not count; `detail` says why as far as that helps an honest client."""

    slug = "invalid-token"
    title = "The access token is not valid"
    advice = "Refresh the token, or sign in again."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The claims of a verified access token (RFC 9068); `subject` is the principal's id as text."""

    principal: Principal
    jti: str
    session_id: str
    epoch: int
    issued_at: int
    expires_at: int
    subject: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", str(self.principal.id))


# Whole seconds or numbers as JSON carries them between all languages: no text, no fraction, no truth value.
_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


class _Claims(msgspec.Struct, frozen=True):
    """The claims that are read, each of the one type that Identity writes."""

    sub: UUID
    jti: str
    sid: str
    epoch: _Count
    iat: _Count
    exp: _Count
    nbf: _Count = 0
    permissions: frozenset[str] = frozenset()
    roles: tuple[str, ...] = ()


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class Keys:
    """Identity's public keys: refreshed every 60 s, an unknown `kid` fetches at most once per 5 s.

    The last good copy stays on disk (`cache`), so that a service starts while Identity is away.
    """

    def __init__(
        self, fetch: FetchJwks, *, cache: Path | None = None, refresh_seconds: float = 60.0, retry_seconds: float = 5.0
    ) -> None:
        self._fetch = fetch
        self._cache = cache
        self._refresh_seconds = refresh_seconds
        self._retry_seconds = retry_seconds
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._answered_at = float("-inf")
        self._lock = asyncio.Lock()
        if cache is not None and cache.is_file():
            self._keys = _read_copy(cache)

    def now(self, kid: str) -> jwt.PyJWK | None:
        """The key named `kid` if it is known; None also when it is time to look again, as `get` does."""
        now = time.monotonic()
        if now - self._fetched_at >= self._refresh_seconds and now - self._tried_at >= self._retry_seconds:
            return None
        return self._keys.get(kid)

    async def get(self, kid: str) -> jwt.PyJWK:
        """The key named `kid`; raises `InvalidToken` for an unknown one, `ServiceUnavailable` without any key."""
        now = time.monotonic()
        if kid not in self._keys:
            if now - self._tried_at >= self._retry_seconds or not self._keys:
                await self._refresh()
        elif now - self._fetched_at >= self._refresh_seconds and now - self._tried_at >= self._retry_seconds:
            await self._refresh()
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise ServiceUnavailable("The keys that verify tokens cannot be read at the moment")
        raise InvalidToken("The token is signed with an unknown key")

    async def _refresh(self) -> None:
        began = time.monotonic()
        async with self._lock:
            # Whoever waited for somebody else's try has its outcome: tries in a row would make the last wait for all.
            if self._answered_at > began:
                return
            self._tried_at = time.monotonic()
            try:
                found = await self._fetch()
                self._keys = _kept(self._keys, _parse(found))
                self._fetched_at = time.monotonic()
                if self._cache is not None:
                    _write_atomically(self._cache, json.dumps(found))
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, jwt.PyJWTError) as error:
                log.warning("jwks.unreadable", error=type(error).__name__)
            self._answered_at = time.monotonic()


@dataclass(frozen=True, slots=True)
class _Verified:
    token: AccessToken
    kid: str
    key: jwt.PyJWK


class TokenVerifier:
    """Verifies access tokens; algorithms are fixed.

    What was verified is remembered under the token's digest: until it expires, until its key is withdrawn, and only
    the `cache_size` used last. A signature costs a hundred times what finding it there does.
    """

    cache_size = 10_000

    def __init__(self, keys: Keys, *, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    def known(self, token: str) -> AccessToken | None:
        """The claims of a token that was verified before and is still good; None says nothing about others."""
        return self.remembered(digest_of(token))

    def remembered(self, digest: bytes) -> AccessToken | None:
        """The same, by what `digest_of` gave for the token."""
        found = self._verified.get(digest)
        if found is None:
            return None
        if found.token.expires_at <= time.time():
            del self._verified[digest]
            return None
        if self._keys.now(found.kid) is not found.key:
            return None
        self._verified.move_to_end(digest)
        return found.token

    async def verify(self, token: str) -> AccessToken:
        """The token's claims; raises `InvalidToken`."""
        known = self.known(token)
        if known is not None:
            return known
        kid = _kid_of(token)
        key = await self._keys.get(kid)
        verified = self._verify(token, key)
        self._verified[digest_of(token)] = _Verified(verified, kid, key)
        if len(self._verified) > self.cache_size:
            self._verified.popitem(last=False)
        return verified

    def _verify(self, token: str, key: jwt.PyJWK) -> AccessToken:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={"require": REQUIRED_CLAIMS, "strict_aud": True, "verify_exp": False},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken from error
        verified = _read_claims(claims)
        # The leeway is for beginnings alone.
        if verified.expires_at <= time.time():
            raise InvalidToken("The access token has expired; refresh it")
        return verified


def digest_of(token: str) -> bytes:
    """Under what a token is remembered: what it was cannot be read from it."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _kid_of(token: str) -> str:
    if len(token) > MAX_TOKEN_LENGTH or "=" in token:  # padded, one token would have several spellings
        raise InvalidToken
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise InvalidToken from error
    kid = header.get("kid")
    trusted = header.get("alg") == ALGORITHM and header.get("typ") == TOKEN_TYPE and set(header) <= ALLOWED_HEADERS
    if not trusted or not isinstance(kid, str):
        raise InvalidToken
    return kid


def _read_claims(claims: Mapping[str, Any]) -> AccessToken:
    try:
        read = msgspec.convert(claims, _Claims)
    except msgspec.ValidationError as error:
        raise InvalidToken from error
    principal = Principal(id=read.sub, permissions=read.permissions, roles=read.roles, session_id=read.sid)
    return AccessToken(
        principal=principal,
        jti=read.jti,
        session_id=read.sid,
        epoch=read.epoch,
        issued_at=read.iat,
        expires_at=read.exp,
    )


def _parse(jwks: object) -> dict[str, jwt.PyJWK]:
    """The keys of a key set by their names; raises `ValueError` where there is none of ours."""
    try:
        found = msgspec.convert(jwks, _KeySet).keys
    except msgspec.ValidationError as error:
        raise ValueError("not a key set") from error
    keys = {str(key["kid"]): jwt.PyJWK(key, algorithm=ALGORITHM) for key in found if key.get("kty") == "OKP"}
    if not keys:
        raise ValueError("a key set without a key of ours")
    return keys


def _kept(before: Mapping[str, jwt.PyJWK], found: dict[str, jwt.PyJWK]) -> dict[str, jwt.PyJWK]:
    """The keys found; one that has not changed stays the same object, by which tokens verified with it are known."""
    return {
        kid: before[kid] if kid in before and _public(before[kid]) == _public(key) else key
        for kid, key in found.items()
    }


def _public(key: jwt.PyJWK) -> bytes:
    return key.key.public_bytes_raw()


def _read_copy(cache: Path) -> dict[str, jwt.PyJWK]:
    try:
        return _parse(json.loads(cache.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, jwt.PyJWTError) as error:
        log.warning("jwks.copy-unreadable", error=type(error).__name__)
        return {}


def _write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def verifier_from(settings: AuthSettings, fetch: FetchJwks | None = None) -> TokenVerifier:
    """The verifier of a service: reads `auth.jwks_url` unless `fetch` is given (Identity reads its own database)."""
    cache = Path(settings.jwks_cache) if settings.jwks_cache else None
    keys = Keys(
        fetch or _fetch_from(settings.jwks_url),
        cache=cache,
        refresh_seconds=settings.jwks_refresh_seconds,
        retry_seconds=settings.jwks_retry_seconds,
    )
    return TokenVerifier(keys, issuer=settings.issuer, audience=settings.audience)


def seconds_until_known(settings: AuthSettings) -> float:
    """After how long every verifier knows a key that Identity has begun to publish, one failed try included."""
    return settings.jwks_refresh_seconds + settings.jwks_retry_seconds + FETCH_SECONDS


def _fetch_from(url: str) -> FetchJwks:
    async def fetch() -> Jwks:
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            answer.raise_for_status()
            return await answer.json()

    return fetch
