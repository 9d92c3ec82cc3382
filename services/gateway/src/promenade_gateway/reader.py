"""Bytes of a client become requests: heads of bounded size with one reading only, bodies piece by piece."""

from __future__ import annotations

import re
from typing import Any, Protocol

import httptools

from promenade_gateway.body import RequestBody, Sender
from promenade_gateway.familiar import Familiar, FamiliarHeads
from promenade_gateway.refusal import MALFORMED, TOO_LARGE, Refusal
from promenade_gateway.request import Request

MAX_HEADERS = 100
_ORIGIN_FORM = re.compile(rb"/[!\"$-~]*")  # no fragment, no byte that is not printable ASCII


class Refused(Exception):
    """What came is not a request; nothing behind it can be trusted to be one either."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error.title)
        self.refusal = refusal


class Receiver(Sender, Protocol):
    """Who is told of what was read."""

    def request_came(self, request: Request, *, last: bool) -> None:
        """A head is complete; `last` says that the client sends no other request on this connection."""
        ...

    def body_came(self, piece: bytes) -> None:
        """A piece of the body of the request that came last."""
        ...

    def request_ended(self) -> None:
        """The request that came last is whole."""
        ...


class RequestReader:
    """Reads one connection; knows no sockets and no time."""

    def __init__(self, receiver: Receiver, *, head_bytes: int, heads: FamiliarHeads | None = None) -> None:
        self._receiver = receiver
        self._heads = heads or FamiliarHeads()
        self._limit = head_bytes
        self._parser: Any = httptools.HttpRequestParser(self)
        self._fault = MALFORMED
        self._fed = 0  # the number of bytes at hand
        self._begun = 0  # heads that began in them
        self._head_bytes = 0
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self.in_head = False
        self.in_body = False
        self.is_deaf = False  # after what asked for another protocol nothing is HTTP
        self._goes_on = True  # nobody has said that there will be no further request
        self._plain: Request | None = None  # a GET without a body that has just come

    def feed(self, data: bytes | memoryview) -> None:
        """Read on; raises `Refused`."""
        if self.is_deaf:
            return
        at_rest = self._goes_on and not self.in_head and not self.in_body
        if not at_rest or type(data) is not bytes or len(data) > self._limit:
            self._parse(data)
        elif (found := self._heads.look(data)) is not None:
            self._again(*found)
        else:
            self._plain = None
            self._parse(data)
            if self._plain is not None and self._begun == 1 and not self.in_head and not self.in_body:
                self._heads.learn(data, self._plain)

    def _again(self, target: bytes, head: Familiar) -> None:
        body = RequestBody(0, self._receiver)
        self._receiver.request_came(
            Request("GET", target, "1.1", head.headers, head.fields, body, head.facts), last=False
        )
        self._receiver.request_ended()

    def _parse(self, data: bytes | memoryview) -> None:
        self._fed = len(data)
        self._begun = 1 if self.in_body else 0  # what follows a body begins somewhere in the middle
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_deaf = True
        except httptools.HttpParserError as error:
            raise Refused(self._fault) from error
        if self.in_head and self._begun <= 1:  # all of these bytes belong to one head that has not ended
            self._count(len(data))

    def on_message_begin(self) -> None:
        """See httptools."""
        self._begun += 1
        self._head_bytes = 0
        self._target = b""
        self._headers = []
        self.in_head = True

    def on_url(self, url: bytes) -> None:
        """See httptools; the target may come in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools; what stands behind a body is counted and dropped."""
        if self.in_head:
            self._headers.append((name.lower(), value))
        else:
            self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """See httptools; only what has one reading becomes a request."""
        self.in_head = False
        headers = self._headers
        if len(headers) > MAX_HEADERS:
            self._refuse(TOO_LARGE)
        if self._head_bytes + self._fed > self._limit:  # it may be; what follows it has been counted too
            self._head_bytes = 0
            self._count(len(self._target) + sum([len(name) + len(value) + 4 for name, value in headers]))
        version: str = self._parser.get_http_version()
        if version not in ("1.1", "1.0") or not _ORIGIN_FORM.fullmatch(self._target):
            self._refuse(MALFORMED)
        self._hand_on(version, dict(headers))

    def on_body(self, piece: bytes) -> None:
        """See httptools."""
        self._receiver.body_came(piece)

    def on_message_complete(self) -> None:
        """See httptools."""
        self.in_body = False
        self._head_bytes = 0
        self._receiver.request_ended()

    def _hand_on(self, version: str, fields: dict[bytes, bytes]) -> None:
        length = _length_of(fields)
        upgrades: bool = self._parser.should_upgrade()
        if upgrades and length != 0:
            self._refuse(MALFORMED)  # the parser takes such a body for the other protocol
        self.in_body = True
        method: str = self._parser.get_method().decode("ascii")
        if method == "CONNECT":
            self._refuse(MALFORMED)
        body = RequestBody(length, self._receiver)
        last = upgrades or version == "1.0" or not self._parser.should_keep_alive()
        self._goes_on = not last
        request = Request(method, self._target, version, self._headers, fields, body)
        self._plain = request if method == "GET" and length == 0 and not last else None
        self._receiver.request_came(request, last=last)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._limit:
            self._refuse(TOO_LARGE)

    def _refuse(self, refusal: Refusal) -> None:
        # Inside the parser's callbacks this stops it; it then raises an error of its own.
        self._fault = refusal
        raise Refused(refusal)


def _length_of(fields: dict[bytes, bytes]) -> int | None:
    """What the parser has understood; whether it may be understood so is checked with the other headers."""
    if b"transfer-encoding" in fields:
        return None
    length = fields.get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0
