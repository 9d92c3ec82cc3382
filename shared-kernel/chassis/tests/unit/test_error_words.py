"""What a log says of an error: enough to find it, and nobody's data."""

import pytest
from promenade_chassis.error_words import name_of, text_of, trace_of
from psycopg import OperationalError
from psycopg.errors import UniqueViolation

REFUSED = UniqueViolation("duplicate key\nDETAIL:  Key (email)=(ada@example.org) already exists.")


def refuse() -> None:
    raise REFUSED


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """The error as it is when somebody has caught it."""
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_what_postgresql_refused_is_named_and_not_quoted() -> None:
    """Class and SQLSTATE; other errors say what they have to say, and so does a PostgreSQL that is away."""
    assert name_of(REFUSED) == text_of(REFUSED) == "UniqueViolation 23505"
    assert (name_of(KeyError("x")), text_of(KeyError("x"))) == ("KeyError", "KeyError: 'x'")
    assert text_of(OperationalError("connection refused")) == "OperationalError: connection refused"


def test_a_trace_has_file_and_line_of_every_error_and_quotes_no_row() -> None:
    """Also of what came before it, of what repeats it, and of what a group holds."""
    with pytest.raises(UniqueViolation) as refused:
        refuse()
    repeated = raised(ValueError(f"not written: {refused.value}"), refused.value)

    trace = trace_of(ExceptionGroup("several", [repeated]))

    assert "test_error_words.py" in trace
    assert "in refuse" in trace
    assert trace.index("UniqueViolation 23505") < trace.index("ValueError")
    assert trace.endswith("ExceptionGroup: several (1 sub-exception)")
    assert "ada@" not in trace


@pytest.mark.parametrize("length", [1, 5_000])
def test_errors_that_follow_each_other_without_end_are_told_too(length: int) -> None:
    """As of a loop that raises from what it caught: the last ones."""
    error: Exception = ValueError("0")
    for number in range(1, length):
        error = raised(ValueError(str(number)), error)

    assert trace_of(error).endswith(f"ValueError: {length - 1}")
