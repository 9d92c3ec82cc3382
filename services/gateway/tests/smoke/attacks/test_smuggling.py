"""Requests with two readings: each is read in one way or refused, and what follows a refused one is never a request."""

import pytest
from attack_rig import CALLBACKS, HOST, PLANS, Door, Service, Step, answers_in

MARK = b"GET /api/v1/billing/plans/smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
TE = b"Transfer-Encoding: chunked"
LINE = b"POST " + CALLBACKS.encode() + b" HTTP/1.1\r\n"


def post(*headers: bytes, body: bytes = b"", host: bytes = HOST) -> bytes:
    return LINE + host + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def get(target: bytes = PLANS.encode(), *headers: bytes, host: bytes = HOST, version: bytes = b"HTTP/1.1") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"GET " + target + b" " + version + b"\r\n" + host + lines + b"\r\n"


def chunked(body: bytes, *headers: bytes) -> bytes:
    return post(TE, *headers, body=body)


PLAIN = PLANS.encode()
LENGTHS = [
    ("twice the same", post(b"Content-Length: 4", b"Content-Length: 4", body=b"abcd")),
    ("twice, different", post(b"Content-Length: 4", b"Content-Length: 0", body=b"abcd")),
    ("twice, in other letters", post(b"Content-Length: 4", b"CONTENT-LENGTH: 0", body=b"abcd")),
    ("a list of the same", post(b"Content-Length: 4, 4", body=b"abcd")),
    ("a list", post(b"Content-Length: 4,0", body=b"abcd")),
    ("plus", post(b"Content-Length: +4", body=b"abcd")),
    ("minus", post(b"Content-Length: -4", body=b"abcd")),
    ("minus nothing", post(b"Content-Length: -0", body=b"abcd")),
    ("a space inside", post(b"Content-Length: 4 0", body=b"abcd")),
    ("hexadecimal", post(b"Content-Length: 0x4", body=b"abcd")),
    ("a fraction", post(b"Content-Length: 4.0", body=b"abcd")),
    ("an exponent", post(b"Content-Length: 4e0", body=b"abcd")),
    ("an underscore", post(b"Content-Length: 1_0", body=b"abcd")),
    ("a letter behind", post(b"Content-Length: 4x", body=b"abcd")),
    ("nothing", post(b"Content-Length:", body=b"abcd")),
    ("only a space", post(b"Content-Length:  ", body=b"abcd")),
    ("other digits", post("Content-Length: \u0664".encode(), body=b"abcd")),
    ("a vertical tab", post(b"Content-Length: \x0b4", body=b"abcd")),
    ("more than 64 bits", post(b"Content-Length: 18446744073709551620", body=b"abcd")),
    ("5,000 digits", post(b"Content-Length: " + b"9" * 5000, body=b"abcd")),
    ("folded", post(b"Content-Length:\r\n 4", body=b"abcd")),
    ("a space before the colon", post(b"Content-Length : 4", body=b"abcd")),
    ("NUL before it", post(b"\x00Content-Length: 4", body=b"abcd")),
    ("with a coding", post(b"Content-Length: 4", TE, body=b"0\r\n\r\n")),
    ("with a coding before it", post(TE, b"Content-Length: 4", body=b"0\r\n\r\n")),
    ("a tab behind it", post(b"Content-Length: 4\t", body=b"abcd")),
    ("nothing to read, with a coding", post(b"Content-Length: 0", TE, body=b"0\r\n\r\n")),
]
CODINGS = [
    (repr(value)[2:-1], post(b"Transfer-Encoding:" + value, body=b"0\r\n\r\n"))
    for value in (
        b" xchunked",
        b" chunkedx",
        b" chunked, identity",
        b" identity, chunked",
        b" gzip, chunked",
        b" chunked, chunked",
        b" chunked,",
        b" ,chunked",
        b" chunked;q=1",
        b' "chunked"',
        b" chun ked",
        b" chunked\t",
        b" identity",
        b" x",
        b"",
        b" \x0bchunked",
        b" chunked\x0b",
        b"\x00chunked",
        b" chunked\x00",
        b" \xa0chunked",
        b" chunked\xff",
        b"\r\n chunked",
        b" identity\r\n\tchunked",
        b" x\nTransfer-Encoding: chunked",
        b" x\rTransfer-Encoding: chunked",
        b" chunked\rx",
    )
]
CODINGS += [
    ("twice", post(TE, TE, body=b"0\r\n\r\n")),
    ("twice, different", post(TE, b"Transfer-Encoding: identity", body=b"0\r\n\r\n")),
    ("twice, the other way round", post(b"Transfer-Encoding: identity", TE, body=b"0\r\n\r\n")),
    ("a space before the colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    ("a tab before the colon", post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n")),
    ("a space before the name", post(b" Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    ("a letter before the name is another header", post(b"Content-Length: 4", b"\xefTransfer-Encoding: chunked")),
    ("of an old client", LINE.replace(b"1.1", b"1.0") + HOST + TE + b"\r\n\r\n0\r\n\r\n"),
]
CHUNKS = [
    ("no number", chunked(b"zz\r\n\r\n")),
    ("nothing", chunked(b"\r\nabcd\r\n0\r\n\r\n")),
    ("0x", chunked(b"0x4\r\nabcd\r\n0\r\n\r\n")),
    ("minus", chunked(b"-4\r\nabcd\r\n0\r\n\r\n")),
    ("plus", chunked(b"+4\r\nabcd\r\n0\r\n\r\n")),
    ("a space before", chunked(b" 4\r\nabcd\r\n0\r\n\r\n")),
    ("a space behind", chunked(b"4 \r\nabcd\r\n0\r\n\r\n")),
    ("an underscore", chunked(b"0_4\r\nabcd\r\n0\r\n\r\n")),
    ("64 bits and more", chunked(b"10000000000000004\r\nabcd\r\n0\r\n\r\n")),
    ("too short", chunked(b"3\r\nabcd\r\n0\r\n\r\n")),
    ("too long", chunked(b"5\r\nabcd\r\n0\r\n\r\n")),
    ("LF behind the size", chunked(b"4\nabcd\r\n0\r\n\r\n")),
    ("LF behind the data", chunked(b"4\r\nabcd\n0\r\n\r\n")),
    ("nothing behind the data", chunked(b"4\r\nabcd0\r\n\r\n")),
    ("CR alone", chunked(b"4\rabcd\r\n0\r\n\r\n")),
    ("LF in an extension", chunked(b"4;a\nabcd\r\n0\r\n\r\n")),
    ("CR in an extension", chunked(b"4;a\rb\r\nabcd\r\n0\r\n\r\n")),
    ("NUL in an extension", chunked(b"4;a=\x00\r\nabcd\r\n0\r\n\r\n")),
    ("LF behind the last", chunked(b"0\n\n")),
    ("LF at the end of the trailers", chunked(b"0\r\nX: y\n\r\n")),
    ("a trailer with a length", chunked(b"4\r\nabcd\r\n0\r\nContent-Length: 99\r\n\r\n")),
    ("a trailer with a coding", chunked(b"4\r\nabcd\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    ("a folded trailer", chunked(b"0\r\nX: y\r\n z\r\n\r\n")),
]
HEADS = [
    ("LF behind the request line", b"GET " + PLAIN + b" HTTP/1.1\n" + HOST + b"\r\n"),
    ("LF behind a header", b"GET " + PLAIN + b" HTTP/1.1\r\nHost: x\nX: y\r\n\r\n"),
    ("LF at the end", b"GET " + PLAIN + b" HTTP/1.1\r\nHost: x\r\n\n"),
    ("only LF", b"GET " + PLAIN + b" HTTP/1.1\nHost: x\n\n"),
    ("CR in a value", get(PLAIN, b"X: a\rb")),
    ("CR at the end of a value", get(PLAIN, b"X: a\r")),
    ("CR behind the request line", b"GET " + PLAIN + b" HTTP/1.1\rHost: x\r\n\r\n"),
    ("folded", get(PLAIN, b"X: a\r\n b")),
    ("folded with a tab", get(PLAIN, b"X: a\r\n\tb")),
    ("folded Host", get(host=b"Host:\r\n x\r\n")),
    ("a space before the first name", b"GET " + PLAIN + b" HTTP/1.1\r\n Host: x\r\n\r\n"),
    ("a space before the colon", get(PLAIN, b"X : y")),
    ("a space in a name", get(PLAIN, b"X y: z")),
    ("no name", get(PLAIN, b": y")),
    ("no colon", get(PLAIN, b"X")),
    ("NUL in a value", get(PLAIN, b"X: a\x00b")),
    ("NUL in a name", get(PLAIN, b"X\x00: a")),
    ("a control character in a value", get(PLAIN, b"X: a\x01b")),
    ("DEL in a value", get(PLAIN, b"X: a\x7fb")),
    ("a control character in a name", get(PLAIN, b"X\x01: a")),
    ("a letter that is not ASCII in a name", get(PLAIN, "\u00fc: a".encode())),
    ("brackets in a name", get(PLAIN, b"X[y]: a")),
    ("no Host", get(host=b"")),
    ("two Hosts", get(host=HOST + HOST)),
    ("two Hosts, different", get(host=HOST + b"Host: other\r\n")),
    ("two Authorizations", get(PLAIN, b"Authorization: Bearer a", b"Authorization: Bearer b")),
    ("two Authorizations in other letters", get(PLAIN, b"Authorization: Bearer a", b"AUTHORIZATION: Bearer b")),
    ("no version", b"GET " + PLAIN + b"\r\n" + HOST + b"\r\n"),
    ("HTTP/0.9", b"GET " + PLAIN + b"\r\n\r\n"),
    ("HTTP/0.9 with its number", get(version=b"HTTP/0.9")),
    ("HTTP/1.2", get(version=b"HTTP/1.2")),
    ("HTTP/2.0", get(version=b"HTTP/2.0")),
    ("HTTP/1.10", get(version=b"HTTP/1.10")),
    ("HTTP/1", get(version=b"HTTP/1")),
    ("HTTP/01.1", get(version=b"HTTP/01.1")),
    ("http/1.1", get(version=b"http/1.1")),
    ("HTTP /1.1", get(version=b"HTTP /1.1")),
    ("another protocol", get(version=b"ICE/1.0")),
    ("something behind the version", get(version=b"HTTP/1.1 x")),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a method in lower case", b"get " + PLAIN + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("an unknown method", b"GETS " + PLAIN + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("a space before the method", b" GET " + PLAIN + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("a tab behind the method", b"GET\t" + PLAIN + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("CONNECT", b"CONNECT evil.example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("CONNECT with a path", b"CONNECT " + PLAIN + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    ("a PROXY line", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + get()),
    ("an upgrade with a body", post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 4", body=b"abcd")),
    ("an upgrade with chunks", post(b"Connection: Upgrade", b"Upgrade: h2c", TE, body=b"0\r\n\r\n")),
]
TARGETS = [
    ("absolute", get(b"http://promenade.example.com" + PLAIN)),
    ("absolute, elsewhere", get(b"http://evil.example.com/")),
    ("absolute, of another kind", get(b"file:///etc/passwd")),
    ("authority", get(b"evil.example.com:443")),
    ("asterisk", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("nothing", get(b"")),
    ("no slash", get(b"api/v1/billing/plans")),
    ("only a query", get(b"?a=b")),
    ("a fragment", get(PLAIN + b"#a")),
    ("a fragment behind the query", get(PLAIN + b"?a#b")),
    ("a tab", get(PLAIN + b"\t")),
    ("a space", get(PLAIN + b" x")),
    ("NUL", get(PLAIN + b"\x00")),
    ("DEL", get(PLAIN + b"\x7f")),
    ("not ASCII", get(PLAIN + "/\u00e9".encode())),
    ("not ASCII in the query", get(PLAIN + "?\u00e9".encode())),
    ("CR", get(PLAIN + b"\rX")),
    ("LF", get(PLAIN + b"\nX")),
]
PATHS = [
    b"//evil.example.com" + PLAIN,
    b"//",
    b"/api//v1/billing/plans",
    PLAIN + b"//",
    PLAIN + b"/./x",
    PLAIN + b"/.",
    PLAIN + b"/..",
    PLAIN + b"/../invoices",
    PLAIN + b"/%2e/x",
    PLAIN + b"/%2e%2e/invoices",
    PLAIN + b"/.%2E/invoices",
    PLAIN + b"/%2E./invoices",
    PLAIN + b"/..%2finvoices",
    PLAIN + b"%2finvoices",
    PLAIN + b"%2Finvoices",
    PLAIN + b"%5cinvoices",
    PLAIN + b"\\invoices",
    PLAIN + b"/..\\invoices",
    PLAIN + b"/%00",
    PLAIN + b"/%0d%0aX:%20y",
    PLAIN + b"/%1f",
    PLAIN + b"/%7f",
    PLAIN + b"/%",
    PLAIN + b"/%2",
    PLAIN + b"/%zz",
    PLAIN + b"/%u002e%u002e",
    PLAIN + b"/%c0%ae%c0%ae/invoices",
    PLAIN + b"/%e0%80%ae",
    PLAIN + b"/%c0%af",
    PLAIN + b"/%ff",
    PLAIN + b"/%ed%a0%80",
]
REFUSED = [
    pytest.param(content, id=f"{kind}: {name}")
    for kind, entries in {
        "length": LENGTHS,
        "coding": CODINGS,
        "chunk": CHUNKS,
        "head": HEADS,
        "target": TARGETS,
    }.items()
    for name, content in entries
]


@pytest.mark.parametrize("content", REFUSED)
def test_what_has_two_readings_is_refused(door: Door, service: Service, content: bytes) -> None:
    """With one 400, the connection ends, and the request hidden behind it is never one."""
    said = answers_in(door.say(content + MARK))

    assert [answer.status for answer in said] == [400]
    assert said[0].code == "malformed-request"
    assert said[0].headers[b"connection"] == b"close"
    assert not any(request.complete for request in service.heard)
    assert not service.rubbish


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_path_with_two_readings_is_refused(door: Door, service: Service, path: bytes) -> None:
    """Before anybody could take it for another place; what follows is a request of its own."""
    said = answers_in(door.say(get(path) + MARK))

    assert [answer.status for answer in said] == [400, 200]
    assert said[0].code == "bad-path"
    assert [request.line.split(b" ")[1] for request in service.heard] == [b"/api/v1/billing/plans/smuggled"]


HARMLESS = [
    ("a length with zeros", post(b"Content-Length: 004", body=b"abcd"), b"abcd"),
    ("a length behind a tab", post(b"Content-Length: \t4", body=b"abcd"), b"abcd"),
    ("chunked behind a tab", post(b"Transfer-Encoding:\tchunked", body=b"4\r\nabcd\r\n0\r\n\r\n"), b"abcd"),
    ("chunked in capitals", post(b"Transfer-Encoding: CHUNKED", body=b"4\r\nabcd\r\n0\r\n\r\n"), b"abcd"),
    ("a chunk with an extension", chunked(b'4;a=b;c="d"\r\nabcd\r\n0;e\r\n\r\n'), b"abcd"),
    ("a chunk with zeros", chunked(b"00004\r\nabcd\r\n000\r\n\r\n"), b"abcd"),
    ("a trailer with a token", chunked(b"4\r\nabcd\r\n0\r\nAuthorization: Bearer x\r\n\r\n"), b"abcd"),
    ("a body of a request", post(b"Content-Length: %d" % len(MARK), body=MARK), MARK),
    ("a chunk of a request", chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(MARK), MARK)), MARK),
    ("CRLF before the request", b"\r\n\r\n" + get(), b""),
    ("a name that only looks like one", post(b"Content_Length: 4", b"Content-Length: 0"), b""),
    ("a GET with a body", get(PLAIN, b"Content-Length: 4") + b"abcd", b"abcd"),
    ("a query with encoded line breaks", get(PLAIN + b"?a=%0d%0aX:%20y"), b""),
    ("parameters of a path", get(PLAIN + b"/a;b=c"), b""),
    ("an h2c upgrade that is not taken", get(PLAIN, b"Connection: keep-alive"), b""),
]


@pytest.mark.parametrize(("content", "body"), [pytest.param(*rest, id=name) for name, *rest in HARMLESS])
def test_what_has_one_reading_is_read_so(door: Door, service: Service, content: bytes, body: bytes) -> None:
    """Both requests arrive, each with its own body and with one statement of its length."""
    said = answers_in(door.say(content + MARK))

    assert [answer.status for answer in said] == [200, 200]
    assert [request.body for request in service.heard] == [body, b""]
    assert service.heard[1].line.endswith(b"/smuggled HTTP/1.1")
    for request in service.heard:
        names = [name for name, _ in request.headers]
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
        assert b"content_length" not in names
    assert not service.rubbish


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_another_protocol_is_not_spoken(door: Door, service: Service, protocol: bytes) -> None:
    """The request is answered as what it is, as the last one: what follows could be either."""
    said = answers_in(door.say(get(PLAIN, b"Connection: Upgrade", b"Upgrade: " + protocol) + MARK))

    assert [answer.status for answer in said] == [200]
    assert said[0].headers[b"connection"] == b"close"
    assert len(service.heard) == 1
    assert not {b"upgrade", b"connection"} & {name for name, _ in service.heard[0].headers}


@pytest.mark.parametrize("headers", [(), (b"Connection: keep-alive",)])
def test_an_old_client_asks_once(door: Door, service: Service, headers: tuple[bytes, ...]) -> None:
    """Its connection ends with the answer, whatever it would like."""
    said = answers_in(door.say(get(PLAIN, *headers, version=b"HTTP/1.0") + MARK))

    assert [answer.status for answer in said] == [200]
    assert len(service.heard) == 1


def test_after_close_nothing_is_read(door: Door, service: Service) -> None:
    """A client that says it is the last one has to mean it."""
    said = answers_in(door.say(get(PLAIN, b"Connection: close") + MARK))

    assert [answer.status for answer in said] == [200]
    assert len(service.heard) == 1


@pytest.mark.parametrize("method", [b"TRACE", b"TRACK", b"PROPFIND", b"LOCK", b"SOURCE", b"PURGE", b"LINK"])
def test_a_method_that_nothing_here_has_is_refused(door: Door, service: Service, method: bytes) -> None:
    """It goes no further: who knows what a service, or its server, would make of it."""
    said = answers_in(door.say(method + b" " + PLAIN + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"))

    assert [(answer.status, answer.code) for answer in said] in (
        [(405, "method-not-allowed")],
        [(400, "malformed-request")],
    )
    assert service.heard == []


FORGED = (
    b"X-User-Id X-User X_User_Id X-User_Id x-user-roles X-Principal X_Principal X-Auth-Request-User X_Auth_Token "
    b"Forwarded X-Forwarded-For X_Forwarded_For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Prefix "
    b"X-Forwarded-User X-Real-IP X_Real_IP X-Client-IP True-Client-IP CF-Connecting-IP X-Original-URL X_Original_URL "
    b"X-Rewrite-URL X-HTTP-Method-Override X_HTTP_Method_Override X-Method-Override X-HTTP-Method Proxy-Authorization "
    b"TE Trailer Keep-Alive Proxy-Connection HTTP2-Settings X_Request_Id Transfer_Encoding Content_Length Remote-User"
).split()


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("write", [bytes, bytes.lower, bytes.upper], ids=["as is", "lower", "upper"])
def test_nobody_speaks_in_the_gateways_name(door: Door, service: Service, name: bytes, write: object) -> None:
    """Claims of identity and what is for this hop alone stay behind, in whatever letters."""
    written: bytes = write(name)  # type: ignore[operator]
    door.say(get(PLAIN, written + b": forged", b"Connection: close"))

    (request,) = service.heard
    assert all(b"forged" not in value for _, value in request.headers)
    assert (b"x-forwarded-for", b"127.0.0.1") in request.headers
    names = [found for found, _ in request.headers]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        (b"authorization", b"authorization"),
        (b"Authorization , x", b"authorization"),
        (b"x-request-id", b"x-request-id"),
        (b"traceparent", b"traceparent"),
        (b"content-length", b"content-length"),
        (b"content-type", b"content-type"),
        (b"content-encoding", b"content-encoding"),
        (b"x-forwarded-for", b"x-forwarded-for"),
        (b"host", b"host"),
    ],
)
def test_connection_takes_away_nothing_that_was_checked(
    door: Door, service: Service, issuer: object, named: bytes, kept: bytes
) -> None:
    """What the gateway has judged a request by is what the service sees."""
    token: str = issuer.token()  # type: ignore[attr-defined]
    headers = (b"Authorization: Bearer " + token.encode(), b"Content-Type: a/b", b"Content-Encoding: c")
    connection = b"Connection: close, " + named
    said = answers_in(door.say(post(*headers, connection, b"Content-Length: 2", body=b"{}")))

    assert [answer.status for answer in said] == [200]
    assert kept in dict(service.heard[0].headers)
    assert service.heard[0].body == b"{}"


def test_what_connection_names_otherwise_stays_behind(door: Door, service: Service) -> None:
    """As HTTP has it."""
    door.say(get(PLAIN, b"X-Mine: 1", b"X-Other: 1", b"Connection: close, x-mine"))

    names = {name for name, _ in service.heard[0].headers}
    assert b"x-mine" not in names
    assert b"x-other" in names


SIZES = [
    ("a line of 64 KiB", b"GET /" + b"a" * 65_536 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("a header of 64 KiB", get(PLAIN, b"X: " + b"y" * 65_536)),
    ("a name of 64 KiB", get(PLAIN, b"x" * 65_536 + b": y")),
    ("101 headers", get(PLAIN, *[b"X: y"] * 100)),
    ("10,000 empty headers", get(PLAIN, *[b"X:"] * 10_000)),
    ("a header without end", b"GET / HTTP/1.1\r\nX: " + b"y" * 80_000),
    ("headers without end", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000),
    ("trailers without end", chunked(b"0\r\n" + b"X: y\r\n" * 20_000)),
    ("a length of a megabyte of spaces", post(b"Content-Length:" + b" " * 1_000_000 + b"4", body=b"abcd")),
]


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in SIZES])
def test_a_head_without_measure_is_refused(door: Door, service: Service, content: bytes) -> None:
    """And the service hears nothing whole of it."""
    said = answers_in(door.say(content))

    assert [(answer.status, answer.code) for answer in said] == [(431, "head-too-large")]
    assert not any(request.complete for request in service.heard)


def test_pipelined_requests_are_answered_in_their_order(door: Door, service: Service) -> None:
    """The first ones too when a later one is none."""
    for name in ("a", "b", "c"):
        service.told[name] = [0.05, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name.encode()]
    paths = [PLAIN + b"/" + name for name in (b"a", b"b", b"c")]
    said = answers_in(door.say(get(paths[0]) + get(paths[1]) + get(paths[2], b"X : y") + MARK))

    assert [(answer.status, answer.body[:1]) for answer in said] == [(200, b"a"), (200, b"b"), (400, b"{")]
    assert [request.line.split(b" ")[1] for request in service.heard] == paths[:2]


def test_a_refused_request_with_its_body_costs_the_next_one_nothing(door: Door, service: Service) -> None:
    """The body of the refused one is not taken for a request."""
    refused = b"POST /api/v1/order-management/orders HTTP/1.1\r\n" + HOST
    body = b"Content-Length: %d\r\n\r\n" % len(MARK) + MARK
    said = answers_in(door.say(refused + body + MARK))

    assert [answer.status for answer in said] == [401, 200]
    assert len(service.heard) == 1


def test_a_broken_body_behind_an_answer_is_not_answered_again(door: Door, service: Service) -> None:
    """A second answer to one request would be taken for that to the next."""
    refused = b"POST /api/v1/order-management/orders HTTP/1.1\r\n" + HOST + TE + b"\r\n\r\n"
    said = answers_in(door.say(refused, 0.2, b"zz\r\n" + MARK))

    assert [answer.status for answer in said] == [401]
    assert service.heard == []


EXPECTING: list[tuple[str, list[Step], list[int]]] = [
    ("asked for", [post(b"Expect: 100-continue", b"Content-Length: 4"), 0.1, b"abcd" + MARK], [200, 200]),
    ("in capitals", [post(b"Expect: 100-Continue", b"Content-Length: 4"), 0.1, b"abcd" + MARK], [200, 200]),
    ("not waited for", [post(b"Expect: 100-continue", b"Content-Length: 4") + b"abcd" + MARK], [200, 200]),
    ("too large", [post(b"Expect: 100-continue", b"Content-Length: 2000000")], [413]),
    ("something else", [post(b"Expect: x", b"Content-Length: 4") + b"abcd" + MARK], [200, 200]),
]


@pytest.mark.parametrize(("pieces", "statuses"), [pytest.param(*rest, id=name) for name, *rest in EXPECTING])
def test_a_body_that_waits_to_be_asked_for(
    door: Door, service: Service, pieces: list[Step], statuses: list[int]
) -> None:
    """It is asked for when it will be read, and never taken for a request."""
    said = answers_in(door.say(*pieces))

    assert [answer.status for answer in said] == statuses
    assert not service.rubbish


def test_bytes_one_by_one_are_read_as_together(door: Door, service: Service) -> None:
    """Where the network cuts makes no difference to what is refused either."""
    content = chunked(b"4;a\nabcd\r\n0\r\n\r\n") + MARK
    said = answers_in(door.say(*(content[place : place + 1] for place in range(len(content)))))

    assert [answer.status for answer in said] == [400]
    assert not any(request.complete for request in service.heard)
