"""What the gateway's section of the configuration may hold: a mistake stops the start, with words for it."""

from typing import Any

import pytest
from gateway_rig import settings_for
from msgspec.structs import replace
from promenade_chassis.config import AdminSettings, ConfigurationError
from promenade_gateway.settings import gateway_settings


@pytest.mark.parametrize(
    "url",
    [
        "",
        "billing:8000",
        "ftp://billing",
        "http://",
        "http://:8000",
        "http://billing:0",
        "http://billing:99999",
        "http://billing:x",
        "http://user:password@billing",
        "http://billing/?a=b",
        "https://billing/#a",
        "http://[::1",
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    """A replica is a host, perhaps with a port and a path: all else would reach Host headers and logs, or nothing."""
    with pytest.raises(ConfigurationError, match=r"gateway\.upstreams\.billing"):
        gateway_settings(settings_for({"billing": ["http://billing:8000", url]}))


@pytest.mark.parametrize("url", ["http://billing", "https://billing.internal:8443/base/", "http://[::1]:8000"])
def test_a_base_url_is_taken(url: str) -> None:
    """Also one with a path, and an address."""
    assert gateway_settings(settings_for({"billing": url})).upstreams["billing"] == (url,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate_limit_factor", 0),
        ("body_bytes_per_second", 0),
        ("trusted_proxies", ["10.0.0.0/8", "the-proxy"]),
        ("trusted_proxies", ["10.0.0.1/8"]),
        ("max_connections_per_address", 0),
    ],
)
def test_a_value_without_sense_is_refused(name: str, value: Any) -> None:
    """By its name."""
    with pytest.raises(ConfigurationError, match=name):
        gateway_settings(settings_for({}, **{name: value}))


@pytest.mark.parametrize(
    ("admin", "http", "count"),
    [(9000, 9001, 2), (9000, 9063, 64), (65535, 9000, 2), (65500, 9000, 64)],
    ids=["the clients' port", "the clients' port at the end", "one too many", "many too many"],
)
def test_each_process_has_a_port_to_tell_of_itself(admin: int, http: int, count: int) -> None:
    """What is known to fail is not found out by processes that die, five times over."""
    settings = settings_for({}, http={"port": http}, processes=count)

    with pytest.raises(ConfigurationError, match=r"admin\.port"):
        gateway_settings(replace(settings, admin=AdminSettings(port=admin)))


@pytest.mark.parametrize(
    ("admin", "http", "count"),
    [(0, 9000, 64), (9000, 9064, 64), (9001, 9000, 2), (65472, 9000, 64), (9000, 9000, 1)],
    ids=["none", "before", "behind", "the last ones", "one process"],
)
def test_ports_that_are_there_are_taken(admin: int, http: int, count: int) -> None:
    """One process says for itself, when it starts, which of its two ports is busy."""
    settings = settings_for({}, http={"port": http}, processes=count)

    assert gateway_settings(replace(settings, admin=AdminSettings(port=admin))).processes == count
