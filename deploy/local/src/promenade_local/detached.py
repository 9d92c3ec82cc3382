"""Starting a supervisor in the background and waiting until it is ready."""

import os
import signal
import traceback

from promenade_local.background import run_in_background
from promenade_local.home import Home
from promenade_local.plan import Options
from promenade_local.reports import Failed, Ready, Tell, decode


def start_detached(home: Home, options: Options, tell: Tell) -> int:
    """0 when the stack is ready; 1 when it is not, after which nothing of it is left.

    The supervisor is forked, not executed: it needs what is imported already. To be called while there is one thread.
    """
    home.prepare()
    reading, writing = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        _be_the_supervisor(home, options, writing)
    os.close(writing)
    try:
        status = _listen(reading, home, tell)
    except KeyboardInterrupt:
        os.kill(supervisor, signal.SIGTERM)
        tell(Failed(reason="interrupted; nothing is left running"))
        status = 1
    if status:
        os.waitpid(supervisor, 0)
    return status


def _be_the_supervisor(home: Home, options: Options, descriptor: int) -> None:
    status = 1
    try:
        status = run_in_background(home, options, descriptor)
    except BaseException:
        traceback.print_exc()  # to the supervisor's log
    finally:
        os._exit(status)


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
