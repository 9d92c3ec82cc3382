"""What reaches the log, as it is written."""

import json
import logging
import re
from collections.abc import Generator

import pytest
import structlog
from promenade_chassis.config import LogSettings
from promenade_chassis.logs import AccessLog, configure_logging
from promenade_chassis.testing.polling import eventually
from psycopg.errors import UniqueViolation

REFUSED = UniqueViolation("duplicate key\nDETAIL:  Key (email)=(ada@example.org) already exists.")


@pytest.fixture(autouse=True)
def logging_as_before() -> Generator[None, None, None]:
    """Logging is the process' own: what a test configures ends with it."""
    before = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = before[0]
    logging.root.setLevel(before[1])
    structlog.reset_defaults()


@pytest.mark.parametrize("library", [False, True])
def test_a_logged_exception_has_file_and_line_and_nobodys_data(
    capsys: pytest.CaptureFixture[str], *, library: bool
) -> None:
    """PostgreSQL quotes the row that it refused, whoever logs that: we, or a library."""
    configure_logging(LogSettings(), service="tea")
    log = logging.getLogger("library") if library else structlog.get_logger()

    try:
        raise REFUSED
    except UniqueViolation:
        log.exception("it failed")

    written = capsys.readouterr().err
    line = json.loads(written)
    assert (line["service"], line["event"]) == ("tea", "it failed")
    assert "test_logs.py" in line["exception"]
    assert line["exception"].endswith("UniqueViolation 23505")
    assert "ada@" not in written


@pytest.mark.parametrize("level", ["info", "warning"])
def test_an_access_line_is_as_any_other(capsys: pytest.CaptureFixture[str], level: str) -> None:
    """The same keys and forms by the short way, secrets redacted; and nothing below the level."""
    configure_logging(LogSettings(level=level), service="tea")
    fields = {"status": 200, "principal": None, "api_token": "abc", "path": "/grüße/\ud800"}

    AccessLog("access").info("request.handled", fields)
    structlog.get_logger("access").info("request.handled", **fields)

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    if level == "warning":
        assert lines == []
        return
    short, usual = lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", short["timestamp"])
    assert short | {"timestamp": 0} == usual | {"timestamp": 0}
    assert short["api_token"] == "[redacted]"
    assert "api_token" in fields
    assert fields["api_token"] == "abc"


async def test_access_lines_inside_a_loop_are_written_soon(capsys: pytest.CaptureFixture[str]) -> None:
    """Together, in their order, and none is forgotten."""
    configure_logging(LogSettings(), service="tea")
    log = AccessLog("access")
    for number in range(1100):
        log.info("request.handled", {"number": number})
    written: list[str] = []

    def all_written() -> None:
        written.extend(capsys.readouterr().err.splitlines())
        assert len(written) == 1100

    await eventually(all_written)
    assert [json.loads(line)["number"] for line in written] == list(range(1100))


def test_captured_lines_take_the_usual_way(capsys: pytest.CaptureFixture[str]) -> None:
    """As whoever captures them expects."""
    configure_logging(LogSettings(), service="tea")

    with structlog.testing.capture_logs() as captured:
        AccessLog("access").info("request.handled", {"status": 200})

    assert [(line["event"], line["status"]) for line in captured] == [("request.handled", 200)]
    assert capsys.readouterr().err == ""


def test_what_json_has_no_form_for_does_not_stop_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A line is worth more than its form."""
    configure_logging(LogSettings(), service="tea")

    structlog.get_logger().info("odd", huge=2**70, thing=object, half="\ud800", by_number={1: 2, (1, 2): 3})

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["half"]) == ("odd", "\ud800")
