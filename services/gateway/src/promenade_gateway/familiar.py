"""Heads that were read before: a client asks for one thing after the other with the same headers.

Only the first line of such a request is read anew. What stands behind it is looked up byte for byte, and is there only
because the parser has read exactly these bytes as the whole rest of a GET without a body: they have that reading again.
"""

from __future__ import annotations

import re

from promenade_gateway.request import Facts, Request

MOST, LONGEST = 1000, 2048  # two generations of so many, of so many bytes
ROOM = 4 * 1024 * 1024  # what a generation may take: who writes a hundred headers into 2 KB is given fewer of them
_EACH, _HEADER = 800, 190  # bytes that one of them takes beside its text, and each of its headers
_FIRST_LINE = re.compile(rb"GET (/[!\"$-~]*) HTTP/1\.1\r\n")
_END = b"\r\n\r\n"


class Familiar:
    """The headers of one such rest; nobody changes them."""

    __slots__ = ("facts", "fields", "headers")

    def __init__(self, request: Request) -> None:
        self.headers = request.headers
        self.fields = request.fields
        self.facts: Facts = request.facts

    def room(self, rest: bytes) -> int:
        """How many bytes it takes, about: the text is there as it came, in pieces, and as it goes on."""
        return 3 * len(rest) + _HEADER * len(self.headers) + _EACH


class FamiliarHeads:
    """Those of all connections; who was not seen for a thousand others is forgotten."""

    def __init__(self) -> None:
        self._young: dict[bytes, Familiar] = {}
        self._old: dict[bytes, Familiar] = {}
        self._taken = 0  # bytes, by the young

    def look(self, data: bytes) -> tuple[bytes, Familiar] | None:
        """Target and headers, if the bytes are one whole request with a familiar rest."""
        first = _FIRST_LINE.match(data)
        if first is None:
            return None
        rest = data[first.end() :]
        found = self._young.get(rest)
        if found is None:
            found = self._old.pop(rest, None)
            if found is None:
                return None
            self._keep(rest, found)
        return first[1], found

    def learn(self, data: bytes, request: Request) -> None:
        """The bytes were this one whole request, without a body, after which the connection goes on."""
        first = _FIRST_LINE.match(data)
        if first is None or len(data) - first.end() > LONGEST or data.find(_END) != len(data) - len(_END):
            return
        self._keep(data[first.end() :], Familiar(request))

    def _keep(self, rest: bytes, found: Familiar) -> None:
        room = found.room(rest)
        if len(self._young) >= MOST or self._taken + room > ROOM:
            self._young, self._old, self._taken = {}, self._young, 0
        self._young[rest] = found
        self._taken += room
