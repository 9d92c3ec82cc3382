"""The limits exactly as the design says them."""

import pytest
from promenade_gateway.limits import Bucket, LimitClass, Limits, network_of, policy_header
from promenade_gateway.token_bucket import read_draw, read_draws, script_arguments

SECOND = 1_000_000


def numbers(bucket: Bucket) -> tuple[str, int, int]:
    return bucket.policy.name, bucket.policy.burst, bucket.policy.interval


def test_the_signed_in_have_100_a_second_and_bursts_of_300() -> None:
    """Per principal, wherever he comes from."""
    (bucket,) = Limits().for_principal("p")

    assert numbers(bucket) == ("principal", 300, SECOND // 100)
    assert bucket.key == "{rate}:principal:p"


def test_the_anonymous_have_20_a_second_and_bursts_of_60() -> None:
    """Per address."""
    (bucket,) = Limits().for_address("203.0.113.9")

    assert numbers(bucket) == ("address", 60, SECOND // 20)
    assert bucket.key == "{rate}:address:203.0.113.9"


@pytest.mark.parametrize("name", ["register", "forgot", "resend"])
def test_what_sends_mail_has_10_an_hour_per_account_and_60_per_address(name: LimitClass) -> None:
    """Nobody's mailbox is flooded through us."""
    account, address = Limits().for_class(name, "203.0.113.9", "abc")

    assert numbers(account) == ("account", 10, 360 * SECOND)
    assert numbers(address) == ("address", 60, 60 * SECOND)
    assert account.key == f"{{rate}}:{name}:account:abc"


@pytest.mark.parametrize("name", ["login", "verify", "reset"])
def test_what_guesses_secrets_has_10_a_minute_per_account_and_60_per_address(name: LimitClass) -> None:
    """Guessing stays slow."""
    account, address = Limits().for_class(name, "203.0.113.9", "abc")

    assert numbers(account) == ("account", 10, 6 * SECOND)
    assert numbers(address) == ("address", 60, SECOND)


def test_refresh_has_60_a_minute_per_address() -> None:
    """There is no account to count by."""
    (bucket,) = Limits().for_class("refresh", "203.0.113.9", "ignored")

    assert numbers(bucket) == ("address", 60, SECOND)


def test_without_an_account_the_address_is_counted() -> None:
    """A body that names nobody draws from one bucket."""
    (bucket,) = Limits().for_class("login", "203.0.113.9", None)

    assert bucket.policy.name == "address"


def test_the_factor_multiplies_everything() -> None:
    """1,000 on a developer's machine."""
    limits = Limits(1000)

    assert numbers(limits.for_principal("p")[0]) == ("principal", 300_000, 10)
    assert numbers(limits.for_address("1.2.3.4")[0]) == ("address", 60_000, 50)
    assert numbers(limits.for_class("register", "1.2.3.4", "a")[0]) == ("account", 10_000, 360_000)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("unknown", "unknown"),
        ("", "unknown"),
    ],
)
def test_one_client_is_counted_once(address: str, counted: str) -> None:
    """An IPv6 host has a whole /64 to choose from."""
    assert network_of(address) == counted


def test_the_policy_header_names_quota_and_window() -> None:
    """In the form of the IETF draft."""
    assert policy_header(Limits().for_principal("p")) == '"principal";q=300;w=3'
    assert policy_header(Limits().for_class("login", "1.2.3.4", "a")) == '"account";q=10;w=60, "address";q=60;w=60'


def test_the_script_is_told_keys_and_numbers() -> None:
    """Keys first, then for each request how many are its own, with interval and burst of each."""
    login, signed_in = Limits().for_class("login", "1.2.3.4", "a"), Limits().for_principal("p")

    assert script_arguments([login, signed_in]) == [
        3,
        "{rate}:login:account:a",
        "{rate}:login:address:1.2.3.4",
        "{rate}:principal:p",
        2,
        6 * SECOND,
        10,
        SECOND,
        60,
        1,
        SECOND // 100,
        300,
    ]


def test_each_request_gets_its_own_part_of_the_answer() -> None:
    """However many buckets the one before it has drawn from."""
    login, signed_in = Limits().for_class("login", "1.2.3.4", "a"), Limits().for_principal("p")

    draws = read_draws([login, signed_in], [0, 0, 6 * SECOND, 60 * SECOND, 3, 0, SECOND, 1, 299, 0, 10_000])

    assert [draw.allowed for draw in draws] == [False, True]
    assert [draw.header for draw in draws] == ['"account";r=0;t=60, "address";r=3;t=1', '"principal";r=299;t=1']


def test_an_allowed_draw_tells_what_is_left() -> None:
    """Times are whole seconds, rounded up."""
    draw = read_draw(Limits().for_principal("p"), [1, 299, 0, 10_000])

    assert draw.allowed
    assert draw.header == '"principal";r=299;t=1'


def test_a_refused_draw_waits_for_the_slowest_bucket() -> None:
    """Retry-After is when every bucket has a token again, and never 0."""
    buckets = Limits().for_class("login", "1.2.3.4", "a")

    assert read_draw(buckets, [0, 0, 5_400_001, 59_000_000, 0, 400_000, 60_000_000]).retry_after == 6
    assert read_draw(buckets, [0, 3, 0, 59_000_000, 0, 1, 60_000_000]).retry_after == 1
