"""What passes in a request and in an answer, and what is refused outright."""

import promenade_gateway.headers as headers_module
import pytest
from promenade_gateway.errors import MalformedRequest
from promenade_gateway.headers import answer_headers, check_framing, request_headers

HOST = (b"host", b"promenade.example.com")


def passed_on(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return request_headers(headers, dict(headers))


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, (b"content-length", b"1"), (b"content-length", b"1")],
        [HOST, (b"content-length", b"1"), (b"content-length", b"2")],
        [HOST, (b"content-length", b"1"), (b"transfer-encoding", b"chunked")],
        [HOST, (b"content-length", b"+1")],
        [HOST, (b"content-length", b"1, 1")],
        [HOST, (b"content-length", b"")],
        [HOST, (b"content-length", b"0x1")],
        [HOST, (b"transfer-encoding", b"gzip, chunked")],
        [HOST, (b"transfer-encoding", b"identity")],
        [HOST, (b"transfer-encoding", b"xchunked")],
        [HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")],
        [HOST, HOST],
        [HOST, (b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")],
        [],
    ],
)
def test_ambiguous_framing_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    """Nothing passes that another reader could cut into messages differently."""
    with pytest.raises(MalformedRequest):
        check_framing(headers, "1.1")


@pytest.mark.parametrize(
    "headers",
    [[HOST], [HOST, (b"content-length", b"0")], [HOST, (b"transfer-encoding", b"Chunked")]],
)
def test_clear_framing_passes(headers: list[tuple[bytes, bytes]]) -> None:
    """One length or one coding, or neither."""
    check_framing(headers, "1.1")


def test_chunked_needs_http_1_1() -> None:
    """An old client cannot mean it, so somebody else does."""
    with pytest.raises(MalformedRequest):
        check_framing([HOST, (b"transfer-encoding", b"chunked")], "1.0")


def test_hop_by_hop_headers_stay_behind() -> None:
    """What belongs to one connection, and what Connection names, goes no further."""
    given = [
        HOST,
        (b"connection", b"keep-alive, X-Secret , close"),
        (b"connection", b"x-other"),
        (b"keep-alive", b"timeout=5"),
        (b"te", b"trailers"),
        (b"trailer", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"http2-settings", b"x"),
        (b"proxy-authorization", b"Basic x"),
        (b"expect", b"100-continue"),
        (b"x-secret", b"1"),
        (b"x-other", b"1"),
        (b"accept", b"*/*"),
    ]

    assert passed_on(given) == [(b"accept", b"*/*")]


@pytest.mark.parametrize(
    "name",
    [
        "x-user-id",
        "x-user",
        "x-userinfo",
        "x-principal",
        "x-principal-id",
        "x-forwarded-for",
        "x-forwarded-user",
        "forwarded",
        "x-real-ip",
        "x-auth-request-user",
        "x-original-url",
        "x-rewrite-url",
        "x_user_id",
        "x_real-ip",
        "x-http-method-override",
        "x-request-id",
        "traceparent",
    ],
)
def test_a_client_cannot_speak_for_the_gateway(name: str) -> None:
    """Claims of identity and origin are dropped, in every spelling, the first time and every other."""
    kept = [passed_on([(name.encode(), b"forged"), (b"accept", b"*/*")]) for _ in range(2)]

    assert kept == [[(b"accept", b"*/*")]] * 2


def test_end_to_end_headers_pass_untouched() -> None:
    """Token, conditions, encodings and repeated headers reach the service."""
    given = [
        (b"authorization", b"Bearer abc"),
        (b"idempotency-key", b'"k"'),
        (b"if-match", b'"3"'),
        (b"accept-encoding", b"br, gzip"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        (b"x-text", "grüße".encode()),
    ]

    assert passed_on(given) == given


def test_connection_cannot_hide_a_body() -> None:
    """Naming Content-Type in Connection does not take it away."""
    given = [(b"connection", b"content-type"), (b"content-type", b"application/json")]

    assert passed_on(given) == [(b"content-type", b"application/json")]


def test_an_answer_loses_what_is_hop_by_hop_or_ours() -> None:
    """The rest passes as it is, still encoded."""
    given = [
        (b"content-encoding", b"gzip"),
        (b"content-length", b"5"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"connection", b"close, X-Hop"),
        (b"x-hop", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"server", b"secret/1.0"),
        (b"date", b"x"),
        (b"x-request-id", b"theirs"),
        (b"ratelimit", b"theirs"),
    ]

    assert answer_headers(given, status=200) == [
        (b"content-encoding", b"gzip"),
        (b"content-length", b"5"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]


def test_not_modified_has_no_length() -> None:
    """Its Content-Length is that of a body which does not follow."""
    assert answer_headers([(b"content-length", b"5"), (b"etag", b'"3"')], status=304) == [(b"etag", b'"3"')]


def test_names_without_end_are_not_remembered() -> None:
    """A client that invents names does not fill the gateway's memory, and each is judged all the same."""
    for number in range(3000):
        assert passed_on([(b"x-user-%d" % number, b"1"), (b"y-%d" % number, b"1")]) == [(b"y-%d" % number, b"1")]

    assert len(headers_module._verdicts) <= headers_module._MAX_VERDICTS
