"""Every general problem has its page."""

from collections.abc import Iterator

import promenade_chassis.http.app
import promenade_chassis.idempotency
import promenade_gateway.gateway
import pytest
from promenade_chassis.ports import DomainError
from promenade_gateway.catalogue import CATALOGUE, Problem

SOURCES = (promenade_chassis.http.app, promenade_chassis.idempotency, promenade_gateway.gateway)


def all_errors(of: type[DomainError] = DomainError) -> Iterator[type[DomainError]]:
    yield of
    for error in of.__subclasses__():
        yield from all_errors(error)


def general_errors() -> list[type[DomainError]]:
    homes = ("promenade_chassis", "promenade_gateway")
    return sorted({e for e in all_errors() if e.__module__.split(".")[0] in homes}, key=lambda error: error.slug)


@pytest.mark.parametrize("error", general_errors(), ids=lambda error: error.slug)
def test_every_error_of_chassis_and_gateway_is_in_the_catalogue(error: type[DomainError]) -> None:
    """A problem's `type` leads somewhere, and the page says the same status."""
    assert CATALOGUE[error.slug].status == error.status


def test_a_page_escapes_what_it_shows() -> None:
    """Titles are text, not HTML."""
    page = Problem("x", 400, "a < b", "<script>").page()

    assert "a &lt; b" in page
    assert "<script>" not in page
