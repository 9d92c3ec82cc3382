"""More processes of the real services beside a running stack, and a look into all of its databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import redis
from e2e_stack import Stack
from promenade_chassis.embedded.databases import database_name
from promenade_local.environment import Surroundings
from promenade_local.home import Home
from promenade_local.names import CONTEXTS
from promenade_local.state import StackState
from psycopg.rows import dict_row

STREAMS = tuple(f"promenade.{context}" for context in CONTEXTS)


def surroundings_of(stack: Stack) -> Surroundings:
    """What the stack's own processes know; no metrics, for its own have those ports."""
    state = StackState.read(stack.home / "state.json")
    assert state is not None
    return Surroundings.of_stack(Home(stack.home), state)


@dataclass
class Crew:
    """Second replicas of services, started by hand: `python -m promenade_<context> ROLE`."""

    stack: Stack
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, subprocess.Popen[bytes]])
    _launched: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def launch(self, context: str, role: str, replica: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start one; `running` has the newest of each name, beside which an older one may go on."""
        name = f"{context}-{replica}"
        environ = {**surroundings_of(self.stack).of(context), "PROMENADE_REPLICA": replica, **environment}
        with (self.stack.home / "logs" / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", f"promenade_{database_name(context)}", role],
                env=environ,
                cwd=self.stack.home,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._launched.append(self.running[name])
        return self.running[name]

    def log(self, context: str, replica: str) -> str:
        """What it has said so far."""
        return (self.stack.home / "logs" / f"{context}-{replica}.log").read_text()

    def end(self) -> None:
        """kill -9 to all of them."""
        for process in self._launched:
            process.kill()
            process.wait()


@contextmanager
def crew_beside(stack: Stack) -> Generator[Crew]:
    """A crew; nothing of it outlives the block."""
    crew = Crew(stack)
    try:
        yield crew
    finally:
        crew.end()


@dataclass(frozen=True)
class Books:
    """The databases and the streams of a running stack."""

    urls: Mapping[str, str]
    redis_url: str

    @staticmethod
    def of(stack: Stack) -> Books:
        around = surroundings_of(stack)
        urls = {context: around.postgres.url("postgres", database_name(context)) for context in CONTEXTS}
        return Books(urls, f"{around.valkey.url}/0")

    def rows(self, context: str, statement: Any) -> list[dict[str, Any]]:
        """Ask one context's database."""
        with psycopg.connect(self.urls[context], row_factory=dict_row, autocommit=True) as connection:
            return connection.execute(statement).fetchall()

    def are_consistent(self) -> None:
        """All that was recorded was published and handled once by all who listen, and nobody gave anything up."""
        for context in CONTEXTS:
            (counts,) = self.rows(
                context,
                """
                SELECT (SELECT count(*) FROM outbox WHERE published_at IS NULL) AS unpublished,
                       (SELECT count(*) FROM attempt) AS attempts, (SELECT count(*) FROM dead_letter) AS dead
                """,
            )
            assert counts == {"unpublished": 0, "attempts": 0, "dead": 0}, (context, counts)
        recorded = {context: self._recorded(context) for context in CONTEXTS}
        for consumer in CONTEXTS:
            for producer, reached in self._progress(consumer).items():
                assert reached == recorded[producer], (consumer, producer)
        self._nothing_is_pending()

    def knows_consumer(self, context: str, replica: str) -> None:
        """A worker of that name has begun to read."""
        with redis.Redis.from_url(self.redis_url) as client:
            known = {
                consumer["name"].decode()
                for stream in STREAMS
                for group in client.xinfo_groups(stream)
                if group["name"].decode() == context
                for consumer in client.xinfo_consumers(stream, context)
            }
        assert replica in known, known

    def _recorded(self, context: str) -> dict[Any, int]:
        rows = self.rows(context, "SELECT subject, max(sequence) AS last, count(*) AS n FROM outbox GROUP BY subject")
        assert all(row["last"] == row["n"] for row in rows), context
        return {row["subject"]: row["last"] for row in rows}

    def _progress(self, context: str) -> dict[str, dict[Any, int]]:
        found: dict[str, dict[Any, int]] = {}
        for row in self.rows(context, "SELECT source, subject, sequence FROM subject_progress"):
            found.setdefault(row["source"].removeprefix("/promenade/"), {})[row["subject"]] = row["sequence"]
        return found

    def _nothing_is_pending(self) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            for stream in STREAMS:
                # In the one process there are no streams.
                for group in client.xinfo_groups(stream) if client.exists(stream) else ():
                    assert group["pending"] == 0, (stream, group)


def kill(pid: int) -> None:
    """kill -9 to what may just have died by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
