"""Tokens that Identity did not make, or not so: the table of them, and how they are made."""

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa
from promenade_chassis.testing.issuer import Issuer

ORDER_OF_THE_CURVE = 2**252 + 27742317777372353535851937790883648493
FAR = 2**33
GROUP = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

Forge = Callable[[Issuer], str | bytes]


def coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def signed(issuer: Issuer, header: bytes, payload: bytes) -> str:
    """Anything at all under the real key."""
    text = f"{coded(header)}.{coded(payload)}"
    return f"{text}.{coded(issuer.private_key.sign(text.encode()))}"


def header(issuer: Issuer, **others: Any) -> bytes:
    return json.dumps({"alg": "EdDSA", "typ": "at+jwt", "kid": issuer.kid, **others}).encode()


def claims(issuer: Issuer, **others: Any) -> bytes:
    return json.dumps(issuer.claims(**others)).encode()


def with_claim(name: str, text: str) -> Forge:
    """A claim as literal JSON, which need not be of the right type, or JSON at all."""
    return lambda issuer: signed(issuer, header(issuer), claims(issuer, **{name: "@@"}).replace(b'"@@"', text.encode()))


def with_signature(make: Callable[[bytes], bytes]) -> Forge:
    def forge(issuer: Issuer) -> str:
        head, payload, signature = issuer.token().split(".")
        return f"{head}.{payload}.{coded(make(decoded(signature)))}"

    return forge


def by_another(algorithm: str, sign: Callable[[bytes], bytes], **others: Any) -> Forge:
    def forge(issuer: Issuer) -> str:
        text = f"{coded(header(issuer, alg=algorithm, **others))}.{coded(claims(issuer))}"
        return f"{text}.{coded(sign(text.encode()))}"

    return forge


def changed(change: Callable[[str, str, str], str]) -> Forge:
    return lambda issuer: change(*issuer.token().split("."))


def other_last_letter(text: str, by: int) -> str:
    return text[:-1] + GROUP[GROUP.index(text[-1]) ^ by]


RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = Issuer()


def their_jwk() -> dict[str, Any]:
    return {"kty": "OKP", "crv": "Ed25519", "x": coded(OTHER.public_bytes), "kid": "key-1"}


def s_plus_order(signature: bytes) -> bytes:
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER_OF_THE_CURVE).to_bytes(32, "little")


FORGED: list[tuple[str, Forge]] = [
    *((f"alg {name}", lambda issuer, name=name: issuer.forged(name, b"")) for name in ("none", "None", "NONE", "nOnE")),
    ("none with a good signature", lambda issuer: signed(issuer, header(issuer, alg="none"), claims(issuer))),
    ("HS256, the raw public key", lambda issuer: issuer.forged("HS256", issuer.public_bytes)),
    ("HS256, the public PEM", lambda issuer: issuer.forged("HS256", issuer.public_pem)),
    ("HS256, the public PEM without its end", lambda issuer: issuer.forged("HS256", issuer.public_pem.strip())),
    ("HS256, the JWK", lambda issuer: issuer.forged("HS256", json.dumps(issuer.jwk()).encode())),
    ("HS256, the x of the JWK", lambda issuer: issuer.forged("HS256", issuer.jwk()["x"].encode())),
    ("HS256, nothing", lambda issuer: issuer.forged("HS256", b"\0")),
    ("HS384", lambda issuer: issuer.forged("HS384", issuer.public_bytes)),
    ("HS512", lambda issuer: issuer.forged("HS512", issuer.public_bytes)),
    ("HMAC called EdDSA", lambda issuer: issuer.forged("EdDSA", issuer.public_bytes)),
    ("RS256", by_another("RS256", lambda text: RSA_KEY.sign(text, padding.PKCS1v15(), hashes.SHA256()))),
    ("RSA called EdDSA", by_another("EdDSA", lambda text: RSA_KEY.sign(text, padding.PKCS1v15(), hashes.SHA256()))),
    ("ES256", by_another("ES256", lambda text: EC_KEY.sign(text, ec.ECDSA(hashes.SHA256())))),
    ("ECDSA called EdDSA", by_another("EdDSA", lambda text: EC_KEY.sign(text, ec.ECDSA(hashes.SHA256())))),
    ("Ed448", by_another("EdDSA", ed448.Ed448PrivateKey.generate().sign)),
    ("Ed25519 by its new name", by_another("Ed25519", OTHER.private_key.sign)),
    ("EdDSA with another key", by_another("EdDSA", OTHER.private_key.sign)),
    ("another key, its jwk", by_another("EdDSA", OTHER.private_key.sign, jwk=their_jwk())),
    ("another key, its jku", by_another("EdDSA", OTHER.private_key.sign, jku="http://127.0.0.1:1/jwks.json")),
    ("another key, its x5u", by_another("EdDSA", OTHER.private_key.sign, x5u="http://127.0.0.1:1/cert.pem")),
    ("another key, its x5c", by_another("EdDSA", OTHER.private_key.sign, x5c=["MIIB"])),
    ("alg in lower case", lambda issuer: issuer.token(headers={"alg": "eddsa"})),
    ("alg is a list", lambda issuer: issuer.token(headers={"alg": ["EdDSA"]})),
    ("no alg", lambda issuer: issuer.token(headers={"alg": None})),
    ("alg is null", lambda issuer: signed(issuer, header(issuer, alg=None), claims(issuer))),
    *(
        (f"kid {name}", lambda issuer, kid=kid: issuer.token(headers={"kid": kid}))
        for name, kid in [
            ("missing", None),
            ("empty", ""),
            ("unknown", "key-2"),
            ("in capitals", "KEY-1"),
            ("with a space", "key-1 "),
            ("with NUL", "key-1\0"),
            ("with a line break", "key-1\n"),
            ("of dots", "../../../../../../dev/null"),
            ("of a file", "file:///proc/self/environ"),
            ("of an address", "http://127.0.0.1:1/key"),
            ("of SQL", "x' UNION SELECT 'key-1' --"),
            ("of a shell", "key-1|/usr/bin/id"),
            ("very long", "k" * 5000),
            ("of a number", 1),
            ("of a list", ["key-1"]),
            ("of an object", {"kid": "key-1"}),
            ("of true", True),
            ("of half a letter", "\ud800"),
            ("of a method", "__class__"),
        ]
    ),
    *(
        (f"header {name}", lambda issuer, extra=extra: issuer.token(headers=extra))
        for name, extra in [
            ("jku", {"jku": "http://127.0.0.1:1/"}),
            ("x5u", {"x5u": "http://127.0.0.1:1/"}),
            ("x5c", {"x5c": ["MIIB"]}),
            ("x5t", {"x5t": "x"}),
            ("jwk", {"jwk": their_jwk()}),
            ("crit", {"crit": ["exp"]}),
            ("crit of nothing", {"crit": []}),
            ("b64", {"b64": False, "crit": ["b64"]}),
            ("b64 alone", {"b64": False}),
            ("zip", {"zip": "DEF"}),
            ("enc", {"enc": "A256GCM"}),
            ("cty", {"cty": "JWT"}),
            ("no typ", {"typ": None}),
            ("typ JWT", {"typ": "JWT"}),
            ("typ in capitals", {"typ": "AT+JWT"}),
            ("typ with its application", {"typ": "application/at+jwt"}),
            ("typ is a list", {"typ": ["at+jwt"]}),
        ]
    ),
    *(
        (f"no {name}", lambda issuer, name=name: issuer.token(**{name: None}))
        for name in ("iss", "aud", "sub", "client_id", "jti", "iat", "exp", "sid", "epoch")
    ),
    *((f"{name} is null", with_claim(name, "null")) for name in ("iss", "aud", "sub", "jti", "iat", "exp", "sid")),
    *(
        (f"{name} is {value}", with_claim(name, value))
        for name, value in [
            ("iss", '"https://evil.example.com"'),
            ("iss", '"https://promenade.example.com/"'),
            ("iss", '"https://PROMENADE.example.com"'),
            ("iss", '["https://promenade.example.com"]'),
            ("aud", '"other"'),
            ("aud", '"Promenade"'),
            ("aud", '["promenade"]'),
            ("aud", '["promenade", "other"]'),
            ("aud", "[]"),
            ("aud", '{"promenade": 1}'),
            ("aud", "true"),
            ("sub", '"admin"'),
            ("sub", '""'),
            ("sub", "1"),
            ("sub", '["00000000-0000-0000-0000-000000000000"]'),
            ("jti", "1"),
            ("jti", '["a"]'),
            ("sid", "1"),
            ("sid", '{"a": 1}'),
            ("epoch", '"3"'),
            ("epoch", "2.9"),
            ("epoch", "-1"),
            ("epoch", "true"),
            ("epoch", "NaN"),
            ("epoch", "1e400"),
            ("epoch", "[3]"),
            ("exp", '"9999999999"'),
            ("exp", '"soon"'),
            ("exp", "9999999999.5"),
            ("exp", "true"),
            ("exp", "NaN"),
            ("exp", "Infinity"),
            ("exp", "-Infinity"),
            ("exp", "1e400"),
            ("exp", "0"),
            ("exp", "-1"),
            ("exp", "-9999999999"),
            ("exp", "9" * 400),
            ("exp", "9" * 5000),
            ("exp", "[9999999999]"),
            ("exp", "{}"),
            ("nbf", str(FAR)),
            ("nbf", "NaN"),
            ("nbf", "Infinity"),
            ("nbf", "1e400"),
            ("nbf", '"now"'),
            ("nbf", "[]"),
            ("nbf", "true"),
            ("nbf", "-1"),
            ("iat", str(FAR)),
            ("iat", "NaN"),
            ("iat", "Infinity"),
            ("iat", '"now"'),
            ("iat", "[]"),
            ("iat", "{}"),
            ("iat", "true"),
            ("permissions", '"orders:read"'),
            ("permissions", "1"),
            ("permissions", "[1]"),
            ("permissions", "{}"),
            ("roles", '"admin"'),
            ("roles", "[null]"),
        ]
    ),
    ("a second exp that is over", lambda i: signed(i, header(i), claims(i)[:-1] + b', "exp": 1}')),
    ("a second alg", lambda i: signed(i, header(i)[:-1] + b', "alg": "none"}', claims(i))),
    ("a second kid", lambda i: signed(i, header(i)[:-1] + b', "kid": "x"}', claims(i))),
    ("nothing signed", changed(lambda h, p, s: f"{h}.{p}.")),
    ("no signature at all", changed(lambda h, p, s: f"{h}.{p}")),
    ("only a header", changed(lambda h, p, s: f"{h}..")),
    ("detached", changed(lambda h, p, s: f"{h}..{s}")),
    ("only a signature", changed(lambda h, p, s: f"..{s}")),
    ("four parts", changed(lambda h, p, s: f"{h}.{p}.{s}.{s}")),
    ("five parts", changed(lambda h, p, s: f"{h}.{p}.{s}.{p}.{s}")),
    ("a dot behind", changed(lambda h, p, s: f"{h}.{p}.{s}.")),
    ("a dot before", changed(lambda h, p, s: f".{h}.{p}.{s}")),
    ("padded", changed(lambda h, p, s: f"{h}.{p}.{s}==")),
    ("padded too much", changed(lambda h, p, s: f"{h}.{p}.{s}====")),
    ("a padded header", changed(lambda h, p, s: f"{h}==.{p}.{s}")),
    ("padded in the middle", changed(lambda h, p, s: f"{h}.{p}.{s[:40]}=={s[40:]}")),
    *(
        (f"the last letter, {by} further", changed(lambda h, p, s, by=by: f"{h}.{p}.{other_last_letter(s, by)}"))
        for by in (1, 2, 4, 8, 16, 32)
    ),
    ("the other base64", changed(lambda h, p, s: f"{h}.{p}.{s.replace('-', '+').replace('_', '/')}+/")),
    ("rubbish in the signature", changed(lambda h, p, s: f"{h}.{p}.{s[:9]}!{s[9:]}")),
    ("a space in the signature", changed(lambda h, p, s: f"{h}.{p}.{s[:9]} {s[9:]}")),
    ("a tab in the signature", changed(lambda h, p, s: f"{h}.{p}.{s[:9]}\t{s[9:]}")),
    ("a letter behind", changed(lambda h, p, s: f"{h}.{p}.{s}A")),
    ("not ASCII", changed(lambda h, p, s: f"{h}.{p}.{s}".encode() + b"\xc3\xa9")),
    ("a space that is not ASCII inside", changed(lambda h, p, s: f"{h}.{p}".encode() + b"\xa0." + s.encode())),
    (
        "another's payload",
        lambda i: (
            i.token().split(".")[0]
            + "."
            + i.token().partition(".")[2].partition(".")[0]
            + "."
            + i.token().split(".")[2]
        ),
    ),
    ("S + L", with_signature(s_plus_order)),
    ("zeros", with_signature(lambda _: bytes(64))),
    ("the neutral point", with_signature(lambda _: b"\x01" + bytes(63))),
    ("a byte more", with_signature(lambda signature: signature + b"\0")),
    ("a byte less", with_signature(lambda signature: signature[:-1])),
    ("one bit", with_signature(lambda signature: signature[:-1] + bytes([signature[-1] ^ 1]))),
    ("R and S exchanged", with_signature(lambda signature: signature[32:] + signature[:32])),
    ("header is a list", lambda i: signed(i, b"[]", claims(i))),
    ("header is null", lambda i: signed(i, b"null", claims(i))),
    ("header is a text", lambda i: signed(i, b'"a"', claims(i))),
    ("header is cut off", lambda i: signed(i, header(i)[:-1], claims(i))),
    ("header is deep", lambda i: f"{coded(b'[' * 6000)}.e30.AA"),
    ("header of deep objects", lambda _: coded(b'{"a":' * 1100) + ".e30.AA"),
    ("header is not UTF-8", lambda i: f"{coded(bytes([0xFF, 0xFE]))}.e30.AA"),
    ("header with a huge number", lambda i: f'{coded(b"""{"alg":""" + b"9" * 5000 + b"}")}.e30.AA'),
    ("payload is a list", lambda i: signed(i, header(i), b"[]")),
    ("payload is deep", lambda i: signed(i, header(i), b"[" * 4000)),
    ("payload is nothing", lambda i: signed(i, header(i), b"")),
    ("payload is another token", lambda i: signed(i, header(i), i.token().encode())),
    ("10 KB", lambda i: i.token(padding="x" * 10_000)),
    ("dots", lambda _: "." * 5000),
    ("null", lambda _: "null"),
    ("undefined", lambda _: "undefined"),
]
