"""What reaches the log, as it is written."""

import asyncio
import errno
import io
import json
import logging
from collections.abc import Generator

import pytest
import structlog
from promenade_chassis.access_log import MOST_LINES, flush_requests, log_request, write_requests_to
from promenade_chassis.config import LogSettings
from promenade_chassis.logs import configure_logging
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
    write_requests_to(None, service="")


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


def test_what_json_has_no_form_for_does_not_stop_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """A line is worth more than its form."""
    configure_logging(LogSettings(), service="tea")

    structlog.get_logger().info("odd", huge=2**70, thing=object, half="\ud800", by_number={1: 2, (1, 2): 3})

    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["half"]) == ("odd", "\ud800")


async def test_lines_of_requests_are_written_together_and_soon(capsys: pytest.CaptureFixture[str]) -> None:
    """In their order, as JSON like other lines; at once where no event loop would come back to them."""
    configure_logging(LogSettings(), service="tea")

    for number in range(3):
        log_request({"route": "/tea", "status": 200 + number, "trace_id": None})
    at_once = capsys.readouterr().err
    await eventually(lambda: _wrote_something(capsys))
    await asyncio.to_thread(log_request, {"status": 299})

    assert at_once == ""
    assert json.loads(capsys.readouterr().err)["status"] == 299


class FullDisk(io.StringIO):
    """Takes nothing."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_log_that_takes_nothing_hurts_no_request() -> None:
    """Telling of a request comes after its answer, and never ends its connection."""
    write_requests_to(FullDisk(), service="tea")

    for _ in range(MOST_LINES):
        log_request({"status": 200})
    flush_requests()

    taken = io.StringIO()
    write_requests_to(taken, service="tea")
    await asyncio.to_thread(log_request, {"status": 299})
    assert json.loads(taken.getvalue())["status"] == 299


def _wrote_something(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["status"] for line in lines] == [200, 201, 202]
    assert {(line["event"], line["level"], line["service"]) for line in lines} == {("request.handled", "info", "tea")}
