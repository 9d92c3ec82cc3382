"""`python profiled.py FILE MODULE …`: a module as `python -m` runs it, profiled between SIGUSR1 and SIGUSR2."""

from __future__ import annotations

import cProfile
import runpy
import signal
import sys


def main() -> None:
    """Run the module; each time the signals come, what was seen so far is written to the file."""
    path, module, *arguments = sys.argv[1:]
    profiler = cProfile.Profile()

    def end(*_: object) -> None:
        profiler.disable()
        profiler.dump_stats(path)

    signal.signal(signal.SIGUSR1, lambda *_: profiler.enable())
    signal.signal(signal.SIGUSR2, end)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
