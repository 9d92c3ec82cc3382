"""Who is at the other end: the client's address, through proxies that are trusted, and what services are told of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from promenade_gateway.headers import RawHeaders

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UNKNOWN = "unknown"
SCHEME = "http"  # the gateway's own; TLS ends in front of it
_MAX_HOST, _MAX_VALUE = 255, 300
_WITH_PORT = re.compile(r"(?P<v4>[0-9.]+):[0-9]{1,5}|\[(?P<v6>[^\]]+)\](?::[0-9]{1,5})?")


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

    def vouched_for(self, client: str | None) -> bool:
        """Whether a connection is a trusted proxy's, which stands for many clients."""
        return client is not None and bool(self._trusted) and self._is_trusted(_address_in(client) or client)

    def of(self, client: str | None, headers: RawHeaders) -> Peer:
        """The client at the other end of a connection, or behind a proxy there."""
        direct = client or UNKNOWN
        host = _last(headers, b"host")
        if not self._trusted:
            return _stranger(direct, host)
        direct = _address_in(direct) or direct
        if not self._is_trusted(direct):
            return _stranger(direct, host)
        chain = self._chain(direct, headers)
        scheme = _text(_last(headers, b"x-forwarded-proto")) or SCHEME
        forwarded_host = _last(headers, b"x-forwarded-host") or host
        return Peer(
            chain[0], chain, scheme if scheme in ("http", "https") else SCHEME, _plain_host(_text(forwarded_host))
        )

    def _chain(self, direct: str, headers: RawHeaders) -> tuple[str, ...]:
        """From the nearest hop back, the first one that nobody vouches for is the client."""
        chain = [direct]
        for address in _hops(headers):
            chain.append(address)
            if not self._is_trusted(address):
                break
        return tuple(reversed(chain))

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _hops(headers: RawHeaders) -> Iterator[str]:
    """Their addresses, the nearest first. Where one has none, nobody vouches for what stands before it."""
    lists = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    for text in reversed(",".join(lists).split(",")):
        address = _address_in(text.strip())
        if address is None:
            return
        yield address


def _address_in(text: str) -> str | None:
    """The address in its one spelling, without a zone or the port that some proxies add; None where there is none."""
    with_port = _WITH_PORT.fullmatch(text)
    bare = (with_port["v4"] or with_port["v6"]) if with_port else text
    try:
        parsed = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


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
