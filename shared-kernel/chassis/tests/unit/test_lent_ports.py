"""What a test may promise to others: ports of its own, and examples without a clock."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from promenade_chassis.embedded.network import LOOPBACK, is_free
from promenade_chassis.testing.backends import RUN
from promenade_chassis.testing.ports import END, LOWEST, lent_port


def test_no_port_is_lent_twice():
    """However many ask at once, and though nobody listens on one yet."""
    with ThreadPoolExecutor(8) as pool:
        lent = list(pool.map(lambda _: lent_port(room=3), range(40)))

    everything = [port + offset for port in lent for offset in range(3)]
    assert len(set(everything)) == len(everything)
    assert all(LOWEST <= port < END for port in everything)


def test_a_busy_port_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also one in the middle of a row; all of the row is free."""
    first = lent_port(room=10)  # what follows happens among these, which are nobody else's
    monkeypatch.setenv(RUN, str(tmp_path))
    (tmp_path / "ports").write_text(str(first))

    with socket.create_server((LOOPBACK, first + 2)):
        port = lent_port(room=5)

        assert port == first + 3
        assert all(is_free(port + offset) for offset in range(5))


@pytest.mark.parametrize("last", [END - 1, END + 3])
def test_after_the_last_port_comes_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int):
    """A long run begins anew at the low end."""
    monkeypatch.setenv(RUN, str(tmp_path))
    (tmp_path / "ports").write_text(str(last))

    assert LOWEST <= lent_port(room=4) < LOWEST + 1000


def test_an_example_has_no_deadline():
    """A loaded machine makes it slow, never wrong, whichever tests run beside it."""
    assert settings.default.deadline is None
