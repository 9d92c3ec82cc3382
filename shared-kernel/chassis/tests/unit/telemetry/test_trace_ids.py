"""Ids of traces that begin here."""

import subprocess
import sys

FORKS = """
import os
from promenade_chassis.telemetry.trace_context import new_traceparent

for _ in range(3):
    if os.fork() == 0:
        print(new_traceparent(), flush=True)
        os._exit(0)
    os.wait()
"""


def test_forked_processes_begin_different_traces() -> None:
    """The stack on one machine forks its processes from one that has imported everything: none repeats another's."""
    told = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, check=True, text=True).stdout.split()

    assert len(told) == len(set(told)) == 3
