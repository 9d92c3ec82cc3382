"""A process that outlives a test run which was killed, and ends the stack that the run has left.

A stack runs in the background: nothing else would end it, nor give back the memory that its data may be in.
Standard input tells the stack's home, then the folder to remove; `done`, or the end without it: the run has died.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from promenade_chassis.embedded.placement import remove_data
from promenade_local.down import stop_stack
from promenade_local.home import Home, HomeInUse

DONE = "done"
STARTING_SECONDS = 3.0  # a `promenade up` of the dead has its home by then
TRIES = 100


@contextmanager
def mourned(home: Path, folder: Path) -> Generator[None]:
    """While the block runs, our death is the stack's; also when the block ends with an error, as by a second Ctrl-C."""
    mourner = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, text=True, start_new_session=True)
    assert mourner.stdin is not None
    mourner.stdin.write(f"{home}\n{folder}\n")
    mourner.stdin.flush()
    try:
        yield
        mourner.stdin.write(f"{DONE}\n")
    finally:
        mourner.stdin.close()
    mourner.wait()


def main() -> None:
    """Wait for the word; without it, clean up."""
    home, folder, *word = sys.stdin.read().splitlines()
    if word != [DONE]:
        time.sleep(STARTING_SECONDS)
        _end(Home(Path(home)))
        remove_data(Path(home))
        shutil.rmtree(folder, ignore_errors=True)


def _end(home: Home) -> None:
    """Stop it, also when it is still starting."""
    for _ in range(TRIES):
        stop_stack(home)
        try:
            with home.held():
                return
        except FileNotFoundError:  # it never came so far as to have a home
            return
        except HomeInUse:
            time.sleep(1)


if __name__ == "__main__":
    main()
