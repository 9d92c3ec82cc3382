"""Identity's worker in a process of its own, to be killed at a chosen point of a mail's way.

It kills itself with a signal that no clean-up code can hinder. Forked from a server that has imported the service.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec
from identity_service import settings_for
from promenade_chassis.logs import configure_logging
from promenade_chassis.service import Service, run
from promenade_chassis.testing.polling import eventually, stretched
from promenade_identity.bootstrap import build
from promenade_identity.code.postgres import PostgresCodes
from promenade_identity.mail.postgres import PostgresMails
from promenade_identity.mail.smtp import SmtpTransport

# Where it dies: what is hooked, and when: before it is called, after, or when its transaction has committed.
FAULTS: dict[str, tuple[Any, str, str]] = {
    "the code is stored, the mail is not": (PostgresCodes, "replace", "after"),
    "the mail is stored, not committed": (PostgresMails, "queue", "after"),
    "the mail is committed": (PostgresMails, "queue", "committed"),
    "the mail is taken": (SmtpTransport, "deliver", "before"),
    "the server has said 250": (SmtpTransport, "deliver", "after"),
    "the mark is set, not committed": (PostgresMails, "mark_sent", "after"),
    "the mark is committed": (PostgresMails, "mark_sent", "committed"),
}
READY = b"ready"
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["promenade_identity.bootstrap", "promenade_chassis.testing.fault_rig"])


class Plan(msgspec.Struct, kw_only=True):
    """What the process runs. `fault`: where it dies, the first time it comes there; empty: nowhere."""

    database_url: str
    redis_url: str
    smtp_port: int
    replica: str
    log: str
    fault: str = ""


class Doomed:
    """The process, seen from the test."""

    def __init__(self, process: ForkServerProcess, log: Path) -> None:
        self.process = process
        self.log = log

    def kill(self) -> None:
        """End it, wherever it is."""
        self.process.kill()
        self.process.join()

    async def killed(self) -> None:
        """Wait until it has killed itself."""
        await asyncio.to_thread(self.process.join, stretched(20))
        assert self.process.exitcode == -signal.SIGKILL, self.log.read_text()[-4000:]


async def launch(plan: Plan) -> Doomed:
    """Start the process, and wait until it works."""
    ours, theirs = _forks.Pipe(duplex=False)
    process = _forks.Process(target=live, args=(msgspec.json.encode(plan), theirs), daemon=True)
    process.start()
    theirs.close()
    doomed = Doomed(process, Path(plan.log))
    try:
        # One that dies early hangs up instead.
        assert await asyncio.to_thread(ours.poll, stretched(30)), doomed.log.read_text()[-4000:]
    finally:
        ours.close()
    return doomed


def live(plan: bytes, told: Connection) -> None:
    """The process' whole life."""
    decoded = msgspec.json.decode(plan, type=Plan)
    log = os.open(decoded.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["PROMENADE_REPLICA"] = decoded.replica
    if decoded.fault:
        _install(*FAULTS[decoded.fault])
    asyncio.run(_work(decoded, told))


async def _work(plan: Plan, told: Connection) -> None:
    mail = {"smtp": {"host": "127.0.0.1", "port": plan.smtp_port}}
    settings = settings_for(plan.database_url, plan.redis_url, mail=mail)
    configure_logging(settings.log, service=plan.replica)
    service = build(settings)
    working = asyncio.create_task(run([service], serve=False))
    await eventually(lambda: _is_ready(service, working), within=20)
    told.send_bytes(READY)
    await working


async def _is_ready(service: Service, working: asyncio.Task[None]) -> None:
    assert working.done() or (await service.readiness.report())["ready"]


def _install(owner: Any, name: str, when: str) -> None:
    original: Callable[..., Any] = getattr(owner, name)

    async def deadly(self: Any, *arguments: Any, **more: Any) -> Any:
        if when == "before":
            _die()
        result = await original(self, *arguments, **more)
        if when == "committed":
            self._database.on_commit(_die)
        else:
            _die()
        return result

    setattr(owner, name, deadly)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
