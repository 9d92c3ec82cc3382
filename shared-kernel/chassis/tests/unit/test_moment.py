"""Times in queries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from promenade_chassis.http.resources import Moment
from promenade_kernel.values.errors import InvalidValue


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", "2026-03-01t12:00:00.000z"])
def test_a_moment_has_a_zone(text: str) -> None:
    """Any way to write it is the same instant."""
    assert Moment(text).instant == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "0", "-1", "253402300800", "1e400", "nan", "infinity", "1" * 400),
        *("2026-03-01", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z", "99999-01-01T00:00:00Z"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Numbers, half a time and days that never were are faults of the input."""
    with pytest.raises(InvalidValue) as refused:
        Moment(text)

    assert refused.value.code == "invalid-time"
