"""The head of a request, read once and kept as the client wrote it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from promenade_gateway.body import RequestBody


class Facts:
    """What follows from the headers alone, once it was found: a client sends the same headers again and again.

    `is_framed`: they have one reading in HTTP/1.1. `digest` is that of a token that was good. `passed` are the lines
    that go on to a service.
    """

    __slots__ = ("digest", "is_framed", "passed")

    def __init__(self) -> None:
        self.is_framed = False
        self.digest: bytes | None = None
        self.passed: bytes | None = None


@dataclass(slots=True, eq=False)
class Request:
    """One request of one client.

    Attributes:
        target: path and query, exactly as the client wrote them; `raw_path` and `query` are its parts.
        version: of HTTP, "1.1" or "1.0".
        headers: in their order, names in lower case; `fields` are the same by name, the last of each.
        facts: shared with others of the same headers.
        client: the address at the other end of the connection, None where there is none.
        gone: the client has closed the connection.
        answered: nobody reads the body any more.
    """

    method: str
    target: bytes
    version: str
    headers: list[tuple[bytes, bytes]]
    fields: dict[bytes, bytes]
    body: RequestBody
    facts: Facts = field(default_factory=Facts)
    client: str | None = None
    gone: bool = False
    answered: bool = False

    @property
    def raw_path(self) -> bytes:
        """The path, still encoded."""
        return self.target.partition(b"?")[0]

    @property
    def query(self) -> bytes:
        """What stands behind the question mark."""
        return self.target.partition(b"?")[2]

    @property
    def path(self) -> str:
        """The path, decoded; for people."""
        return unquote(self.raw_path.decode("latin-1"))
