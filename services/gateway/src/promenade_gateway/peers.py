"""Who is at the other end: the client's address, through proxies that are trusted, and what services are told of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from promenade_gateway.headers import RawHeaders

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UNKNOWN = "unknown"
SCHEME = "http"  # the gateway's own; TLS ends in front of it
_MAX_HOST, _MAX_VALUE = 255, 300


@dataclass(slots=True)
class Peer:
    """The client of one request.

    Attributes:
        chain: the addresses on the way here, the client's first.
        lines: what `headers` says, as it goes over the wire.
    """

    address: str
    chain: tuple[str, ...]
    scheme: str
    host: str
    lines: bytes = field(init=False)

    def __post_init__(self) -> None:
        told = self.headers()
        self.lines = b"".join([f"{name}: {value}\r\n".encode("latin-1") for name, value in told.items()])

    def headers(self) -> dict[str, str]:
        """Forwarded (RFC 7239) and its older X- forms."""
        hops = [f"for={_node(address)}" for address in self.chain]
        hops[-1] += f';host="{self.host}";proto={self.scheme}' if self.host else f";proto={self.scheme}"
        told = {
            "Forwarded": ", ".join(hops),
            "X-Forwarded-For": ", ".join(self.chain),
            "X-Forwarded-Proto": self.scheme,
        }
        return {**told, "X-Forwarded-Host": self.host} if self.host else told


class Peers:
    """Believes X-Forwarded-* only from the networks it was told to trust."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted: tuple[Network, ...] = tuple(ipaddress.ip_network(text) for text in trusted)

    def of(self, client: str | None, headers: RawHeaders) -> Peer:
        """The client at the other end of a connection, or behind a proxy there."""
        direct = client or UNKNOWN
        host = _last(headers, b"host")
        if not self._trusted or not self._is_trusted(direct):
            return _stranger(direct, host)
        chain = (*_addresses(headers), direct)
        # From the nearest hop back, the first one that nobody vouches for is the client.
        start = next((i for i in range(len(chain) - 1, -1, -1) if not self._is_trusted(chain[i])), 0)
        scheme = _text(_last(headers, b"x-forwarded-proto")) or SCHEME
        forwarded_host = _last(headers, b"x-forwarded-host") or host
        return Peer(
            chain[start],
            chain[start:],
            scheme if scheme in ("http", "https") else SCHEME,
            _plain_host(_text(forwarded_host)),
        )

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _addresses(headers: RawHeaders) -> tuple[str, ...]:
    lists = (value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for")
    return tuple(part for text in lists for part in (piece.strip() for piece in text.split(",")) if _is_address(part))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _last(headers: RawHeaders, name: bytes) -> bytes:
    found = b""
    for key, value in headers:
        if key == name:
            found = value
    return found[-_MAX_VALUE:]


def _text(value: bytes) -> str:
    return value.decode("latin-1").rpartition(",")[2].strip()


@lru_cache(maxsize=1000)
def _stranger(address: str, host: bytes) -> Peer:
    """Who nobody vouches for; the requests of one connection have it in common."""
    return Peer(address, (address,), SCHEME, _plain_host(_text(host)))


def _plain_host(host: str) -> str:
    """The host if it is one: it goes into a quoted string."""
    plain = len(host) <= _MAX_HOST and host.isascii() and all(char.isalnum() or char in "-._:[]" for char in host)
    return host if plain else ""


def _node(address: str) -> str:
    return f'"[{address}]"' if ":" in address else address
