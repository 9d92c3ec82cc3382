"""Redis URLs, and where a command goes in a cluster."""

import pytest
from promenade_chassis.events.redis_cluster import key_of
from promenade_chassis.events.redis_url import Endpoint, read_url
from promenade_chassis.events.redis_wire import Word


@pytest.mark.parametrize(
    ("url", "kind", "endpoints", "database"),
    [
        ("redis://", "server", [Endpoint("127.0.0.1", 6379)], 0),
        ("redis://cache/3", "server", [Endpoint("cache", 6379)], 3),
        ("redis://[::1]:7000/3", "server", [Endpoint("::1", 7000)], 3),
        ("rediss://cache:6380?db=2", "server", [Endpoint("cache", 6380)], 2),
        ("unix:///run/redis.sock?db=1", "server", [Endpoint(path="/run/redis.sock")], 1),
        ("redis+sentinel://a:1,b/promenade/4", "sentinel", [Endpoint("a", 1), Endpoint("b", 26379)], 4),
        ("redis+cluster://a:1,b:2", "cluster", [Endpoint("a", 1), Endpoint("b", 2)], 0),
    ],
)
def test_each_form_of_url_is_read(url: str, kind: str, endpoints: list[Endpoint], database: int):
    """With the ports that are usual where none is given."""
    read = read_url(url)

    assert (read.kind, list(read.endpoints), read.database) == (kind, endpoints, database)


def test_names_and_passwords_are_decoded():
    """Whatever characters they have; TLS and the sentinels' service come along."""
    read = read_url("rediss+sentinel://ada%40x:p%2Fw%3A@a:1/main?sentinel_password=s%26t")

    assert (read.username, read.password, read.service, read.tls) == ("ada@x", "p/w:", "main", True)
    assert read.option("sentinel_password") == "s&t"


@pytest.mark.parametrize("url", ["http://x", "redis+sentinel://a:1", "redis://x/main", "unix:///s?db=no"])
def test_what_is_no_redis_url_is_refused(url: str):
    """At the start, not at the first command."""
    with pytest.raises(ValueError):
        read_url(url)


def test_a_refusal_does_not_tell_the_password():
    """It ends in a log."""
    with pytest.raises(ValueError) as refusal:
        read_url("redis+sentry://ada:secret@a:1/main")

    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (("XADD", "s", "*", "e", b"x"), "s"),
        (("EVALSHA", "abc", 1, "s", "0-0"), "s"),
        (("XGROUP", "CREATE", "s", "g", "0"), "s"),
        (("XINFO", "GROUPS", b"s"), b"s"),
        (("XREADGROUP", "GROUP", "g", "c", "COUNT", 5, "BLOCK", 9, "STREAMS", "s", ">"), "s"),
        (("XAUTOCLAIM", "s", "g", "c", 1, "0"), "s"),
        (("PUBLISH", "channel", ""), None),
        (("CLIENT", "ID"), None),
        ((), None),
    ],
)
def test_a_command_goes_where_its_key_is(command: tuple[Word, ...], key: Word | None):
    """The one key it has; without one, anywhere."""
    assert key_of(command) == key
