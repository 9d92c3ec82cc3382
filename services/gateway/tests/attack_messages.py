"""Requests that somebody hides another one in: each table's entries, by what is wrong with them."""

from attack_rig import CALLBACKS, HOST, PLANS

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


REFUSED = [
    (f"{kind}: {name}", content)
    for kind, entries in {
        "length": LENGTHS,
        "coding": CODINGS,
        "chunk": CHUNKS,
        "head": HEADS,
        "target": TARGETS,
    }.items()
    for name, content in entries
]
