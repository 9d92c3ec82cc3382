"""Starting a supervisor in the background and waiting until it is ready."""

import os
import signal
import subprocess
import sys

import msgspec

from promenade_local.home import Home
from promenade_local.plan import Options
from promenade_local.reports import Failed, Ready, Tell, decode


def start_detached(home: Home, options: Options, tell: Tell) -> int:
    """0 when the stack is ready; 1 when it is not, after which nothing of it is left.

    What is left running holds none of our files: its input is nothing, its output a log file of the home.
    """
    home.prepare()
    reading, writing = os.pipe()
    with home.log("supervisor").open("ab") as log:
        supervisor = subprocess.Popen(  # noqa: S603  # our own module
            _command(home, options, writing),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            cwd=home.root,
            start_new_session=True,
        )
    os.close(writing)
    try:
        status = _listen(reading, home, tell)
    except KeyboardInterrupt:
        supervisor.send_signal(signal.SIGTERM)
        tell(Failed(reason="interrupted; nothing is left running"))
        status = 1
    if status:
        supervisor.wait()
    return status


def _command(home: Home, options: Options, descriptor: int) -> list[str]:
    encoded = msgspec.json.encode(options).decode()
    return [sys.executable, "-m", "promenade_local.background", str(home.root), encoded, str(descriptor)]


def _listen(descriptor: int, home: Home, tell: Tell) -> int:
    with os.fdopen(descriptor, "rb") as lines:
        for line in lines:
            report = decode(line)
            tell(report)
            if isinstance(report, Ready):
                return 0
            if isinstance(report, Failed):
                return 1
    tell(Failed(reason=f"the supervisor ended without a word; see {home.log('supervisor')}"))
    return 1
