"""How often whom: the policies of the rate limit, and the buckets a request draws from."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

MICROSECONDS = 1_000_000
HOUR, MINUTE = 3600, 60

LimitClass = Literal["register", "forgot", "resend", "login", "verify", "reset", "refresh"]


@dataclass(frozen=True, slots=True)
class Policy:
    """`burst` requests at once, and one more every `interval` microseconds."""

    name: str
    burst: int
    interval: int
    text: str = field(init=False, compare=False)  # what `header` says

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.header())

    @property
    def window_seconds(self) -> int:
        """How long an empty bucket takes to be full again."""
        return max(1, -(-self.burst * self.interval // MICROSECONDS))

    def header(self) -> str:
        """One item of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.burst};w={self.window_seconds}'


@dataclass(slots=True)
class Bucket:
    """One policy applied to one principal, address or account."""

    policy: Policy
    key: str


class Limits:
    """All policies, times the configured factor."""

    def __init__(self, factor: int = 1) -> None:
        self._factor = factor
        self._principal = self._policy("principal", burst=300, requests=100, seconds=1)
        self._anonymous = self._policy("address", burst=60, requests=20, seconds=1)
        few = (self._even("account", 10, HOUR), self._even("address", 60, HOUR))
        some = (self._even("account", 10, MINUTE), self._even("address", 60, MINUTE))
        self._classes: dict[LimitClass, tuple[Policy | None, Policy]] = {
            "register": few,
            "forgot": few,
            "resend": few,
            "login": some,
            "verify": some,
            "reset": some,
            "refresh": (None, self._even("address", 60, MINUTE)),
        }

    def for_principal(self, principal_id: str) -> tuple[Bucket, ...]:
        """Whoever is signed in is counted wherever he comes from."""
        return (Bucket(self._principal, f"{{rate}}:principal:{principal_id}"),)

    def for_address(self, address: str) -> tuple[Bucket, ...]:
        """Everybody else is counted by where he comes from."""
        return (Bucket(self._anonymous, f"{{rate}}:address:{network_of(address)}"),)

    def for_class(self, name: LimitClass, address: str, account: str | None) -> tuple[Bucket, ...]:
        """The routes that guess secrets or send mail: by address, and by account where the body names one."""
        per_account, per_address = self._classes[name]
        by_address = Bucket(per_address, f"{{rate}}:{name}:address:{network_of(address)}")
        if per_account is None or account is None:
            return (by_address,)
        return (Bucket(per_account, f"{{rate}}:{name}:account:{account}"), by_address)

    def _even(self, name: str, requests: int, seconds: int) -> Policy:
        return self._policy(name, burst=requests, requests=requests, seconds=seconds)

    def _policy(self, name: str, *, burst: int, requests: int, seconds: int) -> Policy:
        interval = max(1, seconds * MICROSECONDS // (requests * self._factor))
        return Policy(name, burst * self._factor, interval)


def network_of(address: str) -> str:
    """What is counted as one client: an IPv4 address, or the /64 that an IPv6 host can choose addresses from."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), 64), strict=False).network_address)


def policy_header(buckets: Sequence[Bucket]) -> str:
    """The value of `RateLimit-Policy`."""
    return ", ".join([bucket.policy.text for bucket in buckets])
