"""Starting and ending a stack, the good way and the bad ways."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from promenade_chassis.embedded.network import LOOPBACK, is_free
from promenade_chassis.testing.polling import eventually_blocking, stretched
from stacks import StackUnderTest


def test_down_leaves_nothing_and_up_finds_everything_again(stack: StackUnderTest):
    """Data, superadmin and password survive; no process and no port does."""
    first = stack.up()
    ports = [row.port for row in stack.rows().values()]
    credentials = (stack.home / "credentials.json").read_text()

    down = stack.run("down")
    left, status = stack.processes(), stack.run("status")
    second = stack.up()

    assert (first.returncode, down.returncode, second.returncode) == (0, 0, 0)
    assert left == []
    assert len(ports) == 7
    assert status.returncode != 0
    assert "nothing runs" in status.stderr
    assert (stack.home / "credentials.json").read_text() == credentials
    assert (stack.home / "superadmins").read_text().count("\n") == 1


def test_nothing_runs_before_the_first_start(stack: StackUnderTest):
    """Asking makes no home; programs get an empty list."""
    assert stack.run("status").returncode == 1
    assert stack.run("status", "--json").stdout == '{"processes":[]}\n'
    assert stack.run("down").returncode == 0
    assert not stack.home.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_a_signal_ends_the_foreground_stack(prepared: StackUnderTest, number: signal.Signals):
    """Ctrl-C, a service manager and a closed terminal all leave nothing behind, and the exit status is 0."""
    with _in_foreground(prepared) as foreground:
        eventually_blocking(lambda: _assert_healthy(prepared), within=60)

        foreground.send_signal(number)
        status = foreground.wait(stretched(60))

    assert status == 0
    assert prepared.processes() == []


def test_a_signal_while_it_starts_leaves_nothing(prepared: StackUnderTest):
    """Whoever changes his mind early is heard too."""
    with _in_foreground(prepared, billing="never-ready") as foreground:
        eventually_blocking(lambda: _assert_started(prepared, "billing"), within=60)

        foreground.send_signal(signal.SIGINT)
        foreground.wait(stretched(60))

    assert prepared.processes() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_kill_9_of_the_supervisor_leaves_nothing_and_up_works_again(prepared: StackUnderTest):
    """The kernel ends its children; the next start is not confused by what was written down."""
    prepared.up()
    ports = [row.port for row in prepared.rows().values()]

    prepared.supervisor().kill()

    eventually_blocking(lambda: _assert_nothing(prepared, ports), within=20)
    assert prepared.run("status", "--json").stdout == '{"processes":[]}\n'
    assert prepared.up().returncode == 0


def test_a_busy_port_is_named(stack: StackUnderTest):
    """Both ways of starting say which, and leave nothing."""
    with socket.create_server((LOOPBACK, stack.port)):
        for arguments in (["up"], ["up", "--detach"]):
            done = stack.run(*arguments, "--port", str(stack.port))

            assert done.returncode == 1
            assert f"port {stack.port} is busy" in done.stdout
    assert stack.processes() == []


@pytest.mark.parametrize(
    ("mood", "within", "reason", "excerpt"),
    [
        ("dies", 60, "billing does not stay alive: exit status 1", "billing cannot live"),
        ("fails-to-migrate", 60, "billing: migrating the database failed (exit status 1)", "the migration is broken"),
        pytest.param("never-ready", 8, "not ready after 8 s", "logs/billing.log", marks=pytest.mark.long),
    ],
)
def test_a_stack_that_cannot_start_says_why(
    prepared: StackUnderTest, mood: str, within: int, reason: str, excerpt: str
):
    """The exit status is 1, the end of the failing log is shown, and nothing is left."""
    done = prepared.up("--within", str(within), billing=mood)

    assert done.returncode == 1
    assert reason in done.stdout
    assert excerpt in done.stdout
    assert prepared.processes() == []
    assert not (prepared.home / "state.json").exists()


def test_a_home_that_cannot_be_made_is_named(stack: StackUnderTest):
    """No traceback."""
    stack.home.parent.joinpath("the home").write_text("in the way")

    done = stack.up()

    assert done.returncode == 1
    assert "is not a folder" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    stack.home.unlink()


class _in_foreground:  # noqa: N801  # reads as a with statement
    """`promenade up`, killed if the test leaves it running."""

    def __init__(self, stack: StackUnderTest, **moods: str) -> None:
        self._process = subprocess.Popen(
            stack.command("up", "--port", str(stack.port)),
            env=stack.environment(**moods),
            cwd=stack.dummies,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _assert_healthy(stack: StackUnderTest) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/health", timeout=2) as answer:
        assert answer.status == 200


def _assert_started(stack: StackUnderTest, name: str) -> None:
    assert f"{name} all starts" in (stack.home / "logs" / f"{name}.log").read_text()


def _assert_nothing(stack: StackUnderTest, ports: list[int]) -> None:
    assert stack.processes() == []
    assert all(is_free(port) for port in ports)
