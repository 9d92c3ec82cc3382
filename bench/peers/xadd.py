"""What Valkey takes at most: the same entries appended in pipelines, read from no table and marked nowhere."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time

from engines import Rig
from facts import facts
from measure import PeerMissing, Reading

EVENTS, PIPELINE = 200_000, 500


def redis_benchmark(rig: Rig) -> Reading:
    """redis-benchmark (Debian: redis-tools), one connection."""
    program = shutil.which("redis-benchmark")
    if program is None:
        raise PeerMissing("redis-benchmark is not installed (Debian: redis-tools)")
    redis = rig.emptied_redis()
    said = subprocess.run(
        [
            *(program, "-h", "127.0.0.1", "-p", str(rig.engines.valkey.port), "--csv"),
            *("-n", str(EVENTS), "-c", "1", "-P", str(PIPELINE)),
            *("XADD", "xadd", "*", "e", _body().decode()),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert redis.xlen("xadd") == EVENTS
    return Reading(float(said.splitlines()[-1].rsplit('","', 7)[1]))


def raw_socket(rig: Rig) -> Reading:
    """A loop over a socket with the commands encoded beforehand: for machines without redis-benchmark."""
    redis, body = rig.emptied_redis(), _body()
    words = (b"XADD", b"xadd", b"*", b"e", body)
    command = b"*5\r\n" + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    with socket.create_connection(("127.0.0.1", rig.engines.valkey.port)) as connection:
        started = time.perf_counter()
        for _ in range(EVENTS // PIPELINE):
            connection.sendall(command * PIPELINE)
            _read_ids(connection, PIPELINE)
        seconds = time.perf_counter() - started
    assert redis.xlen("xadd") == EVENTS
    return Reading(EVENTS / seconds)


def _read_ids(connection: socket.socket, count: int) -> None:
    """Each answer is a length and an id, two lines."""
    lines = 0
    while lines < 2 * count:
        lines += connection.recv(1 << 16).count(b"\n")


def _body() -> bytes:
    return facts(1, 1)[0].encode()
