"""Whose word counts for where a request came from."""

import pytest
from promenade_gateway.peers import Peers

PROXY = "10.0.0.7"


Headers = list[tuple[bytes, bytes]]


def a_request(client: str | None, *headers: tuple[bytes, bytes]) -> tuple[str | None, Headers]:
    return client, list(headers)


def test_a_stranger_is_who_he_is() -> None:
    """X-Forwarded-* of an untrusted peer change nothing."""
    request = a_request(
        "203.0.113.9",
        (b"host", b"shop.example.com"),
        (b"x-forwarded-for", b"1.2.3.4"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"evil.example.com"),
    )

    peer = Peers(["10.0.0.0/8"]).of(*request)

    assert peer.address == "203.0.113.9"
    assert peer.headers() == {
        "Forwarded": 'for=203.0.113.9;host="shop.example.com";proto=http',
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "shop.example.com",
    }


def test_a_trusted_proxy_speaks_for_its_client() -> None:
    """Its word on address, scheme and host counts, and its own address is added to the chain."""
    request = a_request(
        PROXY,
        (b"host", b"internal"),
        (b"x-forwarded-for", b"198.51.100.1"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"shop.example.com"),
    )

    peer = Peers(["10.0.0.0/8"]).of(*request)

    assert peer.address == "198.51.100.1"
    assert peer.scheme == "https"
    assert peer.headers()["X-Forwarded-For"] == f"198.51.100.1, {PROXY}"
    assert peer.headers()["Forwarded"] == f'for=198.51.100.1, for={PROXY};host="shop.example.com";proto=https'


def test_what_a_client_put_before_its_proxy_does_not_count() -> None:
    """The nearest address that nobody vouches for is the client, and what stands before it is dropped."""
    request = a_request(
        PROXY, (b"x-forwarded-for", b"127.0.0.1, 10.9.9.9, 198.51.100.1"), (b"x-forwarded-for", b"10.0.0.8")
    )

    peer = Peers(["10.0.0.0/8"]).of(*request)

    assert peer.address == "198.51.100.1"
    assert peer.chain == ("198.51.100.1", "10.0.0.8", PROXY)


@pytest.mark.parametrize("hop", ["unknown", "_hidden", "example.com", "198.51.100.300", "", "198.51.100.1:x", "[::1"])
def test_a_hop_that_is_no_address_vouches_for_nothing_before_it(hop: str) -> None:
    """Else a client would be whoever he says he is, as soon as his proxy does not know him."""
    request = a_request(PROXY, (b"x-forwarded-for", f"192.0.2.66, {hop}, 10.0.0.8".encode()))

    peer = Peers(["10.0.0.0/8"]).of(*request)

    assert peer.address == "10.0.0.8"
    assert peer.chain == ("10.0.0.8", PROXY)


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:DB8:0::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1%eth0", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
    ],
)
def test_an_address_is_the_same_in_every_spelling(hop: str, address: str) -> None:
    """Some proxies add the port; what follows it is not for services to take apart."""
    peer = Peers(["10.0.0.0/8"]).of(*a_request(PROXY, (b"x-forwarded-for", f"192.0.2.66, {hop}".encode())))

    assert peer.chain == (address, PROXY)


def test_a_proxy_is_known_behind_a_socket_of_both_families() -> None:
    """There an IPv4 address comes as an IPv6 one."""
    peer = Peers(["10.0.0.0/8"]).of(*a_request(f"::ffff:{PROXY}", (b"x-forwarded-for", b"198.51.100.1")))

    assert peer.chain == ("198.51.100.1", PROXY)


@pytest.mark.parametrize("client", [None, "not-an-address"])
def test_a_peer_without_an_address_is_served_all_the_same(client: str | None) -> None:
    """A connection without an address, a Unix socket say, is nobody's proxy."""
    peer = Peers(["10.0.0.0/8"]).of(*a_request(client, (b"x-forwarded-for", b"1.2.3.4")))

    assert peer.address == (client or "unknown")


def test_ipv6_addresses_are_quoted() -> None:
    """RFC 7239 wants brackets and quotes."""
    assert Peers([]).of(*a_request("2001:db8::1")).headers()["Forwarded"] == 'for="[2001:db8::1]";proto=http'


def test_a_host_that_is_none_is_not_repeated() -> None:
    """Nothing breaks out of the quotes."""
    peer = Peers([]).of(*a_request("1.2.3.4", (b"host", b'a";for=evil')))

    assert "evil" not in peer.headers()["Forwarded"]
    assert "X-Forwarded-Host" not in peer.headers()


def test_what_services_are_told_goes_out_as_lines() -> None:
    """The same as the headers, ready to be sent."""
    peer = Peers([]).of(*a_request("1.2.3.4", (b"host", b"shop.example.com")))

    assert peer.lines == "".join(f"{name}: {value}\r\n" for name, value in peer.headers().items()).encode()


def test_a_host_without_end_is_not_repeated() -> None:
    """Nor remembered."""
    assert Peers([]).of(*a_request("1.2.3.4", (b"host", b"a" * 60_000))).host == ""
