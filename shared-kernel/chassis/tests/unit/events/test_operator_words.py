"""What operators write and read."""

from datetime import UTC, datetime, timedelta

import pytest
from promenade_chassis.events.operator.types import like_of
from promenade_chassis.events.operator.wording import clock, moment_of, one_line, span

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("2026-01-31T11:00:00Z", timedelta(hours=1)),
        ("2026-01-31T12:00:00+02:00", timedelta(hours=2)),
        ("2026-01-31", timedelta(hours=12)),
    ],
)
def test_times_are_spans_ago_or_moments(text: str, ago: timedelta):
    """Without a zone they are UTC."""
    assert moment_of(text, NOW) == NOW - ago


@pytest.mark.parametrize("text", ["yesterday", "", "10", "5 weeks", "99999999999d"])
def test_what_is_no_time_is_refused_in_words(text: str):
    """The message says what would be one, or what is wrong."""
    with pytest.raises(ValueError, match=r"write 90s|calendar"):
        moment_of(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0124, "12 ms"),
        (4.21, "4.2 s"),
        (200, "3 m 20 s"),
        (7500, "2 h 5 m"),
        (3 * 86_400 + 4 * 3600, "3 d 4 h"),
        (400 * 86_400, "400 d 0 h"),
        (-0.002, "-2 ms"),
    ],
)
def test_durations_have_at_most_two_units(seconds: float, text: str):
    """The smallest that still tells something."""
    assert span(seconds) == text


def test_a_reason_fits_on_a_line_and_controls_no_terminal():
    """Line feeds and escape sequences are gone; what is too long ends in an ellipsis."""
    assert one_line("a\nb\x1b[31mc\td") == "a b [31mc d"
    assert one_line("x" * 50, 10) == "xxxxxxxxx…"


def test_a_time_is_shown_to_the_millisecond_in_utc():
    """Whatever zone it came in."""
    assert clock(datetime.fromisoformat("2026-01-31T13:00:00.123456+01:00")) == "2026-01-31 12:00:00.123"


@pytest.mark.parametrize(
    ("pattern", "like"),
    [
        ("", "%"),
        ("order.*", "order.%"),
        ("order.placed", "order.placed.v%"),
        ("order.placed.v1", "order.placed.v1"),
        ("a_b%", r"a\_b\%.v%"),
    ],
)
def test_types_are_written_with_stars_and_without_versions(pattern: str, like: str):
    """What LIKE would take for a wildcard is none."""
    assert like_of(pattern) == like
