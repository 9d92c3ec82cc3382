"""Which headers pass the door, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from promenade_gateway.errors import MalformedRequest

RawHeaders = Iterable[tuple[bytes, bytes]]

# Meant for one connection only (RFC 9110, 7.6.1), plus what only concerns this hop.
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings", b"expect", b"host"}
)
# What a service might take for the gateway's word.
IDENTITY_PREFIXES = (b"x-user", b"x-principal", b"x-forwarded", b"x-auth-", b"x-original-", b"x-rewrite-")
IDENTITY_NAMES = frozenset(
    {b"forwarded", b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip", b"remote-user"}
    | {b"x-http-method-override", b"x-http-method", b"x-method-override"}
)
# Set by the gateway on every answer.
OWN_ANSWER_HEADERS = frozenset({b"x-request-id", b"ratelimit", b"ratelimit-policy", b"date", b"server"})
_SET_ANEW = frozenset({b"x-request-id", b"traceparent", b"content-length"})
_STAY_BEHIND = HOP_BY_HOP | _SET_ANEW
_ANSWERS_LOSE = HOP_BY_HOP | OWN_ANSWER_HEADERS
_NAME_NOTHING = (b"keep-alive", b"close", b"Keep-Alive", b"Close")
_ONCE = (b"content-length", b"transfer-encoding", b"host", b"authorization")
# Never the connection's business, whoever says so: what tells of the body, and who asks.
_END_TO_END = frozenset({b"content-length", b"content-type", b"content-encoding", b"authorization"})
# Names that were judged before; those of usual length, and not without end.
_verdicts: dict[bytes, bool] = {}
_MAX_VERDICTS, _MAX_NAME = 1000, 64


def one(headers: RawHeaders, name: bytes) -> bytes | None:
    """The value of a header that may appear once; raises `MalformedRequest` when it appears again."""
    values = [value for key, value in headers if key == name]
    if len(values) > 1:
        raise MalformedRequest(f"The header {name.decode()} appears more than once")
    return values[0] if values else None


def check_framing(headers: Sequence[tuple[bytes, bytes]], http_version: str) -> None:
    """Refuse what two readers could cut into messages differently; raises `MalformedRequest`."""
    fields = dict(headers)
    if len(fields) < len(headers):
        for name in _ONCE:
            one(headers, name)
    length = fields.get(b"content-length")
    coding = fields.get(b"transfer-encoding")
    if length is not None and (coding is not None or not length.isdigit()):
        raise MalformedRequest("Content-Length does not tell where the body ends")
    if coding is not None and (coding.strip().lower() != b"chunked" or http_version == "1.0"):
        raise MalformedRequest("The only Transfer-Encoding understood here is chunked")
    if b"host" not in fields and http_version != "1.0":
        raise MalformedRequest("There is no Host header")


def request_headers(headers: RawHeaders, fields: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """What goes on to the service: end-to-end headers without claims of identity. `fields` are the same by name."""
    if b"connection" not in fields:
        return [(name, value) for name, value in headers if _passes(name)]
    named = _named_in_connection(headers)
    return [(name, value) for name, value in headers if name not in named and _passes(name)]


def answer_headers(headers: RawHeaders, *, status: int) -> list[tuple[bytes, bytes]]:
    """What goes back to the client, still encoded as the service encoded it. Names are in lower case."""
    kept = [(name, value) for name, value in headers if name not in _ANSWERS_LOSE]
    named = _named_in_connection(headers)
    if status in (204, 304):  # their Content-Length describes a body that does not follow
        named |= {b"content-length"}
    return [(name, value) for name, value in kept if name not in named] if named else kept


def _passes(name: bytes) -> bool:
    verdict = _verdicts.get(name)
    if verdict is None:
        verdict = _judge(name)
        if len(name) <= _MAX_NAME and len(_verdicts) < _MAX_VERDICTS:
            _verdicts[name] = verdict
    return verdict


def _judge(name: bytes) -> bool:
    plain = name.replace(b"_", b"-")  # some frameworks take one for the other
    return plain not in _STAY_BEHIND and plain not in IDENTITY_NAMES and not plain.startswith(IDENTITY_PREFIXES)


def _named_in_connection(headers: RawHeaders) -> frozenset[bytes]:
    named = [value for name, value in headers if name == b"connection" and value not in _NAME_NOTHING]
    if not named:
        return frozenset()
    return frozenset(part.strip().lower() for value in named for part in value.split(b",")) - _END_TO_END
