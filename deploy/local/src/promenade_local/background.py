"""The supervisor of `promenade up --detach`: in a session of its own, holding none of its starter's files."""

import contextlib
import os
import sys

from promenade_local.home import Home
from promenade_local.plan import Options
from promenade_local.reports import Ready, Report, Step, encode
from promenade_local.supervisor import run_stack


class Pipe:
    """Reports to the parent as lines; closed when the parent need not know more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def tell(self, report: Report) -> None:
        """Write it down and pass it on while somebody listens."""
        print(_for_the_log(report), flush=True)  # noqa: T201
        if self._descriptor is None:
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self._descriptor, encode(report))
        if not isinstance(report, Step):
            os.close(self._descriptor)
            self._descriptor = None


def run_in_background(home: Home, options: Options, descriptor: int) -> int:
    """Run the stack in this process, just forked; returns its exit status."""
    os.setsid()
    os.chdir(home.root)
    _let_go_of_files(home, descriptor)
    return run_stack(home, options, Pipe(descriptor).tell)


def _let_go_of_files(home: Home, kept: int) -> None:
    sys.stdout.flush()
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(home.log("supervisor"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for ours, theirs in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, theirs)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))


def _for_the_log(report: Report) -> str:
    if isinstance(report, Step):
        return f"{report.name}: {report.text}"
    if isinstance(report, Ready):
        return f"ready after {report.seconds:.1f} s: {report.url}"
    return f"failed: {report.reason}"
