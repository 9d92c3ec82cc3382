"""The supervisor of `promenade up --detach`: in a session of its own, telling its parent only until it is ready.

python -m promenade_local.background HOME OPTIONS REPORT_FD
"""

import contextlib
import os
import sys
from pathlib import Path

import msgspec

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


def _for_the_log(report: Report) -> str:
    if isinstance(report, Step):
        return f"{report.name}: {report.text}"
    if isinstance(report, Ready):
        return f"ready after {report.seconds:.1f} s: {report.url}"
    return f"failed: {report.reason}"


def main(home: str, options: str, descriptor: str) -> int:
    """Run the stack; the exit status is that of run_stack."""
    os.set_inheritable(int(descriptor), False)
    pipe = Pipe(int(descriptor))
    return run_stack(Home(Path(home)), msgspec.json.decode(options, type=Options), pipe.tell)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
