"""Tokens that somebody has made, changed or found: what the gateway says to each, over the wire."""

import time
from collections.abc import Callable

import pytest
from attack_rig import HOST, PLANS, Door, Said, Service, answers_in
from attack_tokens import FORGED, Forge
from promenade_chassis.testing.issuer import Issuer

ORDERS = "/api/v1/order-management/orders"


def asked(door: Door, *headers: bytes, target: str = ORDERS) -> Said:
    lines = b"".join(line + b"\r\n" for line in headers)
    request = b"GET " + target.encode() + b" HTTP/1.1\r\n" + HOST + lines + b"Connection: close\r\n\r\n"
    (said,) = answers_in(door.say(request))
    return said


def bearer(token: str | bytes) -> bytes:
    return b"Authorization: Bearer " + (token.encode() if isinstance(token, str) else token)


@pytest.mark.parametrize("forge", [pytest.param(forge, id=name) for name, forge in FORGED])
def test_a_token_that_identity_did_not_make_so_is_refused(
    door: Door, service: Service, issuer: Issuer, forge: Forge
) -> None:
    """401 `invalid-token` on private and public routes alike, whatever it is; no service hears of it."""
    token = forge(issuer)
    found = [asked(door, bearer(token), target=target) for target in (ORDERS, PLANS)]

    assert [(said.status, said.code) for said in found] == [(401, "invalid-token")] * 2
    assert found[0].headers[b"www-authenticate"] == b'Bearer error="invalid_token"'
    assert service.heard == []


GOOD: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("as it should be", lambda token: b"Authorization: Bearer " + token),
    ("a scheme in lower case", lambda token: b"Authorization: bearer " + token),
    ("a scheme in capitals", lambda token: b"AUTHORIZATION: BEARER " + token),
    ("spaces between", lambda token: b"Authorization: Bearer    " + token),
    ("spaces around", lambda token: b"Authorization:   Bearer " + token + b"  "),
]
BAD: list[tuple[str, Callable[[bytes], list[bytes]], str]] = [
    ("no scheme", lambda token: [b"Authorization: " + token], "invalid-token"),
    ("another scheme", lambda token: [b"Authorization: Token " + token], "invalid-token"),
    ("Basic", lambda token: [b"Authorization: Basic " + token], "invalid-token"),
    ("a scheme and a colon", lambda token: [b"Authorization: Bearer: " + token], "invalid-token"),
    ("the scheme twice", lambda token: [b"Authorization: Bearer Bearer " + token], "invalid-token"),
    ("a list", lambda token: [b"Authorization: Bearer x, Bearer " + token], "invalid-token"),
    ("a comma behind", lambda token: [b"Authorization: Bearer " + token + b","], "invalid-token"),
    ("in quotes", lambda token: [b'Authorization: Bearer "' + token + b'"'], "invalid-token"),
    ("nothing behind the scheme", lambda token: [b"Authorization: Bearer"], "invalid-token"),
    ("an empty header", lambda token: [b"Authorization:"], "invalid-token"),
    ("in a cookie", lambda token: [b"Cookie: access_token=" + token], "unauthenticated"),
    ("in another header", lambda token: [b"X-Authorization: Bearer " + token], "unauthenticated"),
    ("for a proxy", lambda token: [b"Proxy-Authorization: Bearer " + token], "unauthenticated"),
]


@pytest.mark.parametrize("write", [pytest.param(write, id=name) for name, write in GOOD])
def test_a_good_token_is_good_in_every_spelling_of_the_header(
    door: Door, service: Service, issuer: Issuer, write: Callable[[bytes], bytes]
) -> None:
    """And goes on to the service as it came."""
    token = issuer.token().encode()

    assert asked(door, write(token)).status == 200
    assert token in dict(service.heard[0].headers)[b"authorization"]


@pytest.mark.parametrize(("write", "code"), [pytest.param(*rest, id=name) for name, *rest in BAD])
def test_a_good_token_in_the_wrong_place_is_none(
    door: Door, service: Service, issuer: Issuer, write: Callable[[bytes], list[bytes]], code: str
) -> None:
    """One header, one scheme, one token."""
    said = asked(door, *write(issuer.token().encode()))

    assert (said.status, said.code) == (401, code)
    assert service.heard == []


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "bearer"])
def test_a_token_in_the_query_is_none(door: Door, service: Service, issuer: Issuer, name: str) -> None:
    """Addresses are written down everywhere; and the log does not have it."""
    token = issuer.token()
    said = asked(door, target=f"{ORDERS}?{name}={token}")

    assert (said.status, said.code) == (401, "unauthenticated")
    assert token.rpartition(".")[2] not in door.log.read_text()


@pytest.mark.parametrize(("ahead", "status"), [(-1, 401), (0, 401), (20, 200)])
def test_the_second_of_its_end_is_its_end(
    door: Door, service: Service, issuer: Issuer, ahead: int, status: int
) -> None:
    """Nobody's clock is stretched for it."""
    assert asked(door, bearer(issuer.token(exp=int(time.time()) + ahead))).status == status


@pytest.mark.parametrize(
    ("claim", "ahead", "status"),
    [
        ("nbf", 4, 200),
        ("nbf", 20, 401),
        ("iat", 4, 200),
        ("iat", 20, 401),
        ("nbf", -9, 200),
    ],
)
def test_a_beginning_may_be_a_little_ahead(
    door: Door, service: Service, issuer: Issuer, claim: str, ahead: int, status: int
) -> None:
    """By five seconds, as two machines' clocks are."""
    assert asked(door, bearer(issuer.token(**{claim: int(time.time()) + ahead}))).status == status


def test_a_remembered_token_ends_with_its_second(door: Door, service: Service, issuer: Issuer) -> None:
    """Asked without a pause, it is good before that second and never after it began."""
    end = int(time.time()) + 2
    token = bearer(issuer.token(exp=end))
    found: list[tuple[float, int]] = []
    while not found or found[-1][0] < end + 0.3:
        began = time.time()
        status = asked(door, token).status
        found.append((began if status == 200 else time.time(), status))

    assert {status for moment, status in found if moment < end} == {200}
    assert {status for moment, status in found if moment >= end} == {401}


def test_a_remembered_token_vouches_for_no_other(door: Door, service: Service, issuer: Issuer) -> None:
    """Neither its signature for another payload, nor its payload under other signatures, however often asked."""
    one, two = issuer.token().split("."), issuer.token().split(".")
    for good in (one, two):
        assert asked(door, bearer(".".join(good))).status == 200
    bad = [
        f"{one[0]}.{one[1]}.{two[2]}",
        f"{one[0]}.{two[1]}.{one[2]}",
        f"{one[0]}.{one[1]}.{one[2]}==",
        f"{one[0]}.{one[1]}.{one[2][:-1]}",
        f"{one[0]}.{one[1]}.",
        ".".join(one).swapcase(),
    ]

    for token in bad * 2:
        assert asked(door, bearer(token)).status == 401
    assert [asked(door, bearer(".".join(good))).status for good in (one, two)] == [200, 200]


def test_a_flood_of_unknown_keys_asks_identity_now_and_then(door: Door, service: Service, issuer: Issuer) -> None:
    """Good tokens pass meanwhile."""
    good = bearer(issuer.token())
    asked(door, good)
    before = service.connections
    for number in range(100):
        assert asked(door, bearer(issuer.token(headers={"kid": f"unknown-{number}"}))).status == 401
        assert asked(door, good).status == 200

    assert service.connections - before <= 3


def test_an_operator_may_let_the_signed_in_pass_without_redis(door: Door, service: Service, issuer: Issuer) -> None:
    """Which the log says every time; a bad token is bad all the same."""
    before = door.log.read_text().count("redis.away")

    assert [asked(door, bearer(issuer.token())).status for _ in range(3)] == [200] * 3
    assert asked(door, bearer(issuer.token(exp=1))).status == 401
    assert door.log.read_text().count("redis.away") >= before + 3
