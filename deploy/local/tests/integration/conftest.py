"""Fixtures of the stack's tests."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# The helpers beside this file, which pytest's import mode does not put on the path.
sys.path.insert(0, str(Path(__file__).parent))

from dummies import write_dummies
from mourner import mourned
from prepared_home import prepare_home
from promenade_chassis.embedded.placement import remove_data
from promenade_local.down import stop_stack
from promenade_local.home import Home
from stacks import StackUnderTest


@pytest.fixture(scope="module")
def dummies() -> Iterator[Path]:
    """The five dummy applications."""
    with tempfile.TemporaryDirectory(prefix="promenade-dummies-") as folder:
        Path(folder).chmod(0o755)
        yield write_dummies(Path(folder))


@pytest.fixture
def stack(dummies: Path) -> Iterator[StackUnderTest]:
    """A stack that does not run yet and has no home; whatever the test leaves of it is stopped."""
    yield from _stack(dummies)


@pytest.fixture
def prepared(stack: StackUnderTest) -> StackUnderTest:
    """The same, but its home has a PostgreSQL, which takes a good part of the first start."""
    prepare_home(stack.home)
    return stack


@pytest.fixture(scope="module")
def running(dummies: Path) -> Iterator[StackUnderTest]:
    """A stack that runs, for tests that only look or put right what they break."""
    for stack in _stack(dummies, nursery="on"):
        done = stack.up()
        assert done.returncode == 0, done.stdout + done.stderr
        yield stack


def _stack(dummies: Path, nursery: str = "off") -> Iterator[StackUnderTest]:
    folder = Path(tempfile.mkdtemp(prefix="promenade-stack-"))
    stack = StackUnderTest.in_folder(folder, dummies, nursery)
    with mourned(stack.home, folder):
        yield stack
        stop_stack(Home(stack.home))
        remove_data(stack.home)
        shutil.rmtree(folder)
