"""Who is calling, as far as a request tells without a token: device and address."""

from __future__ import annotations

import ipaddress
from typing import Any

LONGEST_DEVICE = 200


def device_of(scope: Any) -> str | None:
    """What the client calls itself, as much of it as can be printed and kept."""
    agent = "".join(char for char in _header(scope, b"user-agent") if char.isprintable())
    return agent[:LONGEST_DEVICE] or None


def address_of(scope: Any) -> str | None:
    """The client's address: the forwarded one, which the gateway has set, or that of the connection."""
    forwarded = _address(_header(scope, b"x-forwarded-for").partition(",")[0].strip())
    client = scope.get("client")
    return forwarded or (client[0] if client else None)


def _header(scope: Any, name: bytes) -> str:
    value = next((value for given, value in scope["headers"] if given.lower() == name), b"")
    return value.decode("latin-1")


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
