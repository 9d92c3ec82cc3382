"""Ports that a test gives away before anybody listens on them: lent once a run, so that no two tests get the same."""

import random

from promenade_chassis.embedded.network import is_free
from promenade_chassis.testing.backends import exclusive, run_folder

# Below what systems give to outgoing connections and to whoever asks for any port: nobody else comes there by chance.
LOWEST, END = 12_000, 31_000


def lent_port(room: int = 1) -> int:
    """The first of `room` free ports in a row that no other process of this run is lent.

    A stack takes the ones behind the port it is asked for. OSError when there are none.
    """
    folder = run_folder()
    last = folder / "ports"
    with exclusive(folder / "ports.lock"):
        # Runs on one machine begin at different places.
        begin = int(last.read_text()) if last.exists() else random.randrange(LOWEST, END)  # noqa: S311 - no secret
        port = _free_row(begin, room)
        last.write_text(str(port + room))
    return port


def _free_row(begin: int, room: int) -> int:
    for port in (*range(begin, END - room), *range(LOWEST, begin)):
        if all(is_free(each) for each in range(port, port + room)):
            return port
    raise OSError(f"there are no {room} free ports in a row between {LOWEST} and {END}")
