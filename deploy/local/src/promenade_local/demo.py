"""`promenade demo`: the story, told against the running stack."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from promenade_chassis.embedded.databases import database_name
from promenade_kernel.events.envelope import Envelope
from rich.console import Console

from promenade_local.credentials import Credentials
from promenade_local.detached import start_detached
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.mails import read_mails
from promenade_local.names import CONTEXTS
from promenade_local.plan import Options
from promenade_local.screen import Screen
from promenade_local.state import StackState, running_stack
from promenade_local.story import Scene, tell
from promenade_local.watching import watch_events

console = Console(highlight=False)


class Timeline:
    """Tells the story line by line: requests, events of the contexts, and what was verified."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.steps = 0
        self.events = 0

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered. Waiting for an event reads the same thing again and again: only news is told."""
        if method != "GET":
            self._say(f"[cyan]→ {method:<5} {path:<72}[/cyan] {status} {seconds * 1000:5.0f} ms")

    def event(self, envelope: Envelope) -> None:
        """An event was recorded."""
        self.events += 1
        context = envelope.source.rpartition("/")[2]
        self._say(f"[magenta]  ● {envelope.type:<32}[/magenta] {context:<20} [dim]{envelope.subject}[/dim]")

    def verified(self, text: str) -> None:
        """A step of the story was verified."""
        self.steps += 1
        self._say(f"[green]✓ {text}[/green]")

    def _say(self, line: str) -> None:
        console.print(f"[dim]{time.monotonic() - self._began:6.2f} s[/dim] {line}", soft_wrap=True)


def demo(
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="The gateway's port, should the stack be started.")
    ] = 8000,
    *,
    single: Annotated[bool, typer.Option("--single", help="Should it be started: in one process.")] = False,
) -> None:
    """Tell the story from registration to the delivered order; starts the stack when it does not run."""
    home = Home.find()
    state = running_stack(home.state) or _started(home, Options(port=port, single=single))
    timeline = Timeline()
    asyncio.run(_tell(home, state, timeline))
    console.print(
        f"[bold green]The story is true:[/bold green] {timeline.steps} steps verified, {timeline.events} events."
    )
    console.print(f"The stack goes on at http://127.0.0.1:{state.port} (promenade down stops it).")


def _started(home: Home, options: Options) -> StackState:
    with Screen(console, detached=True) as screen:
        status = start_detached(home, options, screen.tell)
    state = running_stack(home.state)
    if status or state is None:
        raise StackError("the stack did not start; promenade doctor may know why")
    return state


async def _tell(home: Home, state: StackState, timeline: Timeline) -> None:
    ports = {row.name: row.port for row in state.processes}
    databases = {
        context: f"postgresql://{database_name(context)}@127.0.0.1:{ports['postgres']}/{database_name(context)}"
        for context in CONTEXTS
    }
    watching = asyncio.create_task(watch_events(databases, timeline.event))
    try:
        await tell(scene_of(home, state, timeline))
        # The last events are told by the watcher's next look.
        await asyncio.sleep(0.3)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def scene_of(home: Home, state: StackState, listener: Timeline) -> Scene:
    """The running stack as the place of the story."""
    if not home.credentials.is_file():
        raise StackError(f"{home.credentials} is missing; only its own stack can tell the story")
    admin = msgspec.json.decode(home.credentials.read_bytes(), type=Credentials)
    return Scene(
        url=f"http://127.0.0.1:{state.port}",
        admin_email=admin.email,
        admin_password=admin.password,
        read_code=lambda address: _mail_to(home.mail, address),
        listener=listener,
    )


async def _mail_to(folder: Path, address: str) -> str | None:
    mails = await asyncio.to_thread(read_mails, folder)
    return next((mail.text for mail in reversed(mails) if address in mail.to), None)
