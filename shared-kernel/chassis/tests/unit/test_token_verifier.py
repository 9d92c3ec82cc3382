"""Access tokens: what is accepted, and every known way of forging one."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID, uuid4

import pytest
from promenade_chassis.auth import InvalidToken, Keys, TokenVerifier
from promenade_chassis.testing.issuer import AUDIENCE, ISSUER, Issuer

NOW = int(time.time())


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_good_token_tells_who_is_asking(issuer: Issuer, verifier: TokenVerifier) -> None:
    """Subject, roles, permissions, session and epoch come from the verified claims."""
    claims = issuer.claims()

    token = await verifier.verify(issuer.token(**claims))

    assert token.principal.id == UUID(claims["sub"])
    assert token.principal.roles == ("user",)
    assert token.principal.permissions == {"orders:read"}
    assert token.principal.session_id == token.session_id == claims["sid"]
    assert (token.jti, token.epoch) == (claims["jti"], 3)
    assert (token.issued_at, token.expires_at) == (claims["iat"], claims["exp"])


async def test_a_token_without_roles_and_permissions_holds_none(issuer: Issuer, verifier: TokenVerifier) -> None:
    """They are claims a token may lack; then its bearer reaches only his own things."""
    token = await verifier.verify(issuer.token(roles=None, permissions=None))

    assert (token.principal.roles, token.principal.permissions) == ((), frozenset())


HEADERS: list[tuple[str, dict[str, Any]]] = [
    ("no kid", {"kid": None}),
    ("unknown kid", {"kid": "key-2"}),
    ("empty kid", {"kid": ""}),
    ("kid is a number", {"kid": 1}),
    ("kid is a list", {"kid": ["key-1"]}),
    ("kid traverses folders", {"kid": "../../../../dev/null"}),
    ("kid is an address", {"kid": "https://evil.example/key"}),
    ("kid injects SQL", {"kid": "x' UNION SELECT 'secret"}),
    ("kid with NUL", {"kid": "key-1\0"}),
    ("jku", {"jku": "https://evil.example/jwks.json"}),
    ("x5u", {"x5u": "https://evil.example/cert.pem"}),
    ("x5c", {"x5c": ["MIIB"]}),
    ("jwk", {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}}),
    ("crit", {"crit": ["exp"]}),
    ("crit of nothing", {"crit": []}),
    ("b64", {"b64": False, "crit": ["b64"]}),
    ("zip", {"zip": "DEF"}),
    ("no typ", {"typ": None}),
    ("typ of an id token", {"typ": "JWT"}),
    ("typ in capitals", {"typ": "AT+JWT"}),
    ("no alg", {"alg": None}),
    ("alg in lower case", {"alg": "eddsa"}),
    ("another curve", {"alg": "ES256"}),
    ("alg is a list", {"alg": ["EdDSA"]}),
]


@pytest.mark.parametrize("headers", [pytest.param(headers, id=name) for name, headers in HEADERS])
async def test_a_header_that_is_not_ours_is_refused(
    issuer: Issuer, verifier: TokenVerifier, headers: dict[str, Any]
) -> None:
    """Even under a good signature: a header may name algorithm, type and key, and those as Identity writes them."""
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token(headers=headers))


CLAIMS: list[tuple[str, dict[str, Any]]] = [
    *((f"no {name}", {name: None}) for name in ("iss", "aud", "sub", "client_id", "jti", "iat", "exp", "sid", "epoch")),
    ("another issuer", {"iss": "https://evil.example"}),
    ("issuer with a slash", {"iss": "https://promenade.example.com/"}),
    ("issuer is a list", {"iss": ["https://promenade.example.com"]}),
    ("another audience", {"aud": "somebody-else"}),
    ("audience is a list", {"aud": ["promenade"]}),
    ("audience is a list of two", {"aud": ["promenade", "somebody-else"]}),
    ("expired", {"exp": NOW - 1}),
    ("expires before it begins", {"exp": NOW - 10, "iat": NOW}),
    ("exp is a text", {"exp": "soon"}),
    ("exp is a list", {"exp": [NOW + 900]}),
    ("issued tomorrow", {"iat": NOW + 86_400}),
    ("not before tomorrow", {"nbf": NOW + 86_400}),
    ("subject is no id", {"sub": "admin"}),
    ("subject is a number", {"sub": 1}),
    ("epoch is a text", {"epoch": "latest"}),
    ("epoch is infinite", {"epoch": float("inf")}),
    ("exp is infinite", {"exp": float("inf")}),
    ("permissions is a number", {"permissions": 1}),
    ("permissions is a text", {"permissions": "*:*"}),
    ("permissions of objects", {"permissions": [{}]}),
    ("roles is a text", {"roles": "admin"}),
]


@pytest.mark.parametrize("claims", [pytest.param(claims, id=name) for name, claims in CLAIMS])
async def test_claims_that_do_not_hold_are_refused(
    issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any]
) -> None:
    """Under a good signature, too: a token for another audience, time or purpose does not count here."""
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token(**claims))


FORGERIES: list[tuple[str, Callable[[Issuer], str]]] = [
    ("none", lambda issuer: issuer.forged("none", b"")),
    ("None", lambda issuer: issuer.forged("None", b"")),
    ("NONE", lambda issuer: issuer.forged("NONE", b"")),
    ("HS256 with the public key", lambda issuer: issuer.forged("HS256", issuer.public_bytes)),
    ("HS256 with the public PEM", lambda issuer: issuer.forged("HS256", issuer.public_pem)),
    ("HMAC under our algorithm's name", lambda issuer: issuer.forged("EdDSA", issuer.public_bytes)),
    ("HS256 with an empty secret", lambda issuer: issuer.forged("HS256", b"\0")),
    ("signature cut off", lambda issuer: issuer.token().rpartition(".")[0] + "."),
    ("signature of another token", lambda issuer: _with_signature_of(issuer.token(), issuer.token())),
    ("payload of another token", lambda issuer: _with_payload_of(issuer.token(), issuer.token())),
    ("signature of zeros", lambda issuer: issuer.token().rpartition(".")[0] + "." + encoded(bytes(64))),
]


def _with_signature_of(token: str, other: str) -> str:
    return token.rpartition(".")[0] + "." + other.rpartition(".")[2]


def _with_payload_of(token: str, other: str) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{other.split('.')[1]}.{signature}"


SECONDS_AHEAD = [("iat", 4, True), ("nbf", 4, True), ("iat", 7, False), ("nbf", 7, False)]


@pytest.mark.parametrize(("claim", "ahead", "taken"), SECONDS_AHEAD)
async def test_a_signers_clock_may_be_a_little_ahead(
    issuer: Issuer, verifier: TokenVerifier, claim: str, ahead: int, taken: bool
) -> None:
    """Two machines never agree on the second: up to five are overlooked, so that a fresh token is not refused."""
    token = issuer.token(**{claim: int(time.time()) + ahead})

    if taken:
        assert (await verifier.verify(token)).principal.roles == ("user",)
    else:
        with pytest.raises(InvalidToken):
            await verifier.verify(token)


@pytest.mark.parametrize("late", [0, 1, 4])
async def test_an_end_is_not_put_off(issuer: Issuer, verifier: TokenVerifier, late: int) -> None:
    """What is overlooked at a token's beginning is not given to it at its end."""
    with pytest.raises(InvalidToken, match="expired"):
        await verifier.verify(issuer.token(exp=int(time.time()) - late))


@pytest.mark.parametrize("forge", [pytest.param(forge, id=name) for name, forge in FORGERIES])
async def test_a_forged_signature_is_refused(
    issuer: Issuer, verifier: TokenVerifier, forge: Callable[[Issuer], str]
) -> None:
    """Only Ed25519 with the published key counts, whatever a token says of itself."""
    with pytest.raises(InvalidToken):
        await verifier.verify(forge(issuer))


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("..", id="dots"),
        pytest.param("a.b", id="two parts"),
        pytest.param("a.b.c.d.e", id="encrypted"),
        pytest.param("é.ü.ß", id="not ASCII"),
        pytest.param(f"{encoded(b'[]')}.e30.AA", id="header is a list"),
        pytest.param(f"{encoded(b'null')}.e30.AA", id="header is null"),
        pytest.param(f"{encoded(b'{')}.e30.AA", id="header is cut off"),
        pytest.param(f"{encoded(bytes([0xFF, 0xFE]))}.e30.AA", id="header is not UTF-8"),
        pytest.param(f"{encoded(b'[' * 6000)}.e30.AA", id="header is deep"),
        pytest.param(f'{encoded(b"""{"alg":""" + b"9" * 5000 + b"}")}.e30.AA', id="header with a huge number"),
        pytest.param("a" * 8193, id="oversized"),
        pytest.param("a" * 1_000_000, id="a megabyte"),
    ],
)
async def test_what_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    """Rubbish is the caller's fault, never ours, and costs little."""
    with pytest.raises(InvalidToken):
        await verifier.verify(token)


async def test_a_good_token_that_is_too_long_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    """Size is looked at before anything is decoded."""
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.token(padding="x" * 8192))


async def test_a_refusal_tells_the_client_what_to_do(issuer: Issuer, verifier: TokenVerifier) -> None:
    """An expired token says that it expired; WWW-Authenticate says that the token is at fault."""
    with pytest.raises(InvalidToken, match="expired") as refusal:
        await verifier.verify(issuer.token(exp=NOW - 1))

    assert refusal.value.status == 401
    assert refusal.value.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_a_verified_token_ends_when_it_expires(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remembering verified tokens lengthens no life: the second that `exp` names is already too late."""
    exp = int(time.time()) + 900
    token = issuer.token(exp=exp)
    await verifier.verify(token)

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # pyright: ignore[reportIncompatibleMethodOverride]
            return datetime.fromtimestamp(exp, tz)

    monkeypatch.setattr("promenade_chassis.auth.time.time", lambda: float(exp))
    monkeypatch.setattr("jwt.api_jwt.datetime", Later)

    with pytest.raises(InvalidToken):
        await verifier.verify(token)


async def test_remembered_tokens_are_bounded(issuer: Issuer, verifier: TokenVerifier) -> None:
    """However many tokens come by, the memory of them stays small, and all of them count."""
    verifier.cache_size = 3
    tokens = [issuer.token(sub=str(uuid4())) for _ in range(5)]

    for token in (*tokens, *tokens):
        await verifier.verify(token)

    assert len(verifier._verified) == 3  # pyright: ignore[reportPrivateUsage]


async def test_a_token_verified_before_is_known_without_its_signature(
    issuer: Issuer, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another token is not, and neither is one that differs in one character."""
    token, other = issuer.token(), issuer.token()
    assert verifier.known(token) is None
    verified = await verifier.verify(token)
    monkeypatch.setattr("promenade_chassis.auth.jwt.decode", None)

    assert verifier.known(token) is verified
    assert await verifier.verify(token) is verified
    assert verifier.known(other) is None
    changed = token[:-2] + ("BA" if token.endswith("AA") else "AA")
    assert verifier.known(changed) is None


async def test_a_token_is_forgotten_with_its_key(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the minute in which keys are read again, also when another key takes the same name."""
    passed = 0.0
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed)
    keys = Keys(issuer.fetch)
    verifier = TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE)
    token = issuer.token()
    verified = await verifier.verify(token)

    passed += 61
    asked = verifier.known(token)  # it is time to look again
    unchanged = await verifier.verify(token)
    again = verifier.known(token)
    issuer.private_key = Issuer().private_key
    passed += 61

    assert asked is None
    assert unchanged == verified
    assert again is not None
    with pytest.raises(InvalidToken):
        await verifier.verify(token)
    assert verifier.known(token) is None


async def test_tokens_stay_known_while_identity_is_away(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are looked for every five seconds; between that no signature is verified twice."""
    passed = 0.0
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + passed)
    verifier = TokenVerifier(Keys(issuer.fetch), issuer=ISSUER, audience=AUDIENCE)
    token = issuer.token()
    await verifier.verify(token)
    issuer.away = True
    passed += 61

    await verifier.verify(token)

    assert verifier.known(token) is not None


async def test_the_tokens_used_last_are_remembered(issuer: Issuer, verifier: TokenVerifier) -> None:
    """A token in use is not forgotten for one that came by once."""
    verifier.cache_size = 3
    token, once = issuer.token(), issuer.token()
    for each in (token, once, issuer.token(), token, issuer.token()):
        await verifier.verify(each)

    assert verifier.known(token) is not None
    assert verifier.known(once) is None


async def test_no_token_is_held_in_memory(issuer: Issuer, verifier: TokenVerifier) -> None:
    """What a dump of the process shows opens no door."""
    token = issuer.token()

    await verifier.verify(token)

    assert token not in repr(verifier._verified)  # pyright: ignore[reportPrivateUsage]
    assert token.rpartition(".")[2] not in repr(verifier._verified)  # pyright: ignore[reportPrivateUsage]
