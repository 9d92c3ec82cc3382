"""HTTP load by wrk: so many connections, each sending the next request when it has its answer."""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import Reading
from serving import Served, program

SECONDS = 2.0
CONNECTIONS = 32
_salts = itertools.count()


@dataclass(frozen=True, slots=True)
class Call:
    """One request; in `body` @N@ becomes a text that no other request has."""

    path: str
    token: str | None = None
    method: str = "GET"
    body: str | None = None

    def line(self) -> str:
        """As `load.lua` reads it."""
        return "\t".join((self.method, self.path, self.token or "-", self.body or "-"))


def loaded(
    served: Served, calls: Sequence[Call], *, connections: int = CONNECTIONS, seconds: float = SECONDS
) -> Reading:
    """Send the calls in turns for a while. Every one must succeed; `cpu` is that of the program that served."""
    wrk = program("wrk", "Debian: wrk")
    with tempfile.TemporaryDirectory() as folder:
        requests = Path(folder, "requests")
        requests.write_text("".join(f"{call.line()}\n" for call in calls), encoding="utf-8")
        before = served.cpu()
        command = [
            *(wrk, "--threads", "1", "--connections", str(connections), "--duration", f"{seconds:.0f}"),
            *("--timeout", "10", "--script", str(Path(__file__).with_name("load.lua"))),
            *(f"http://127.0.0.1:{served.port}", "--", str(requests), f"{next(_salts)}-"),
        ]
        with served.watched():
            done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30)
        used = served.cpu() - before
    report = json.loads(done.stdout.partition("REPORT ")[2])
    assert report["requests"] > 0, "no request was answered"
    assert report["refused"] == report["broken"] == 0, report
    return Reading(
        report["requests"] / report["microseconds"] * 1e6,
        used / report["requests"] * 1e6,
        p50=report["p50"] / 1000,
        p99=report["p99"] / 1000,
    )
