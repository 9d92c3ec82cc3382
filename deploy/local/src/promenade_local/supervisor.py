"""One stack from its first process to its last, in this process."""

import asyncio
import signal
import time
import traceback

from promenade_chassis.embedded.errors import EngineError

from promenade_local.errors import StackError
from promenade_local.home import Home, HomeInUse
from promenade_local.plan import Options, choose_ports, make_plan
from promenade_local.reports import Failed, Ready, Tell
from promenade_local.stack import Stack
from promenade_local.state import running_stack
from promenade_local.strays import end_strays


def run_stack(home: Home, options: Options, tell: Tell) -> int:
    """Run until SIGINT, SIGTERM or SIGHUP. Returns 0 after that, 1 when the stack did not start; nothing is left."""
    try:
        home.prepare()
        with home.held():
            end_strays(home)
            asyncio.run(_supervise(home, options, tell))
    except HomeInUse as refused:
        tell(Failed(reason=in_use_message(home, refused)))
    except (StackError, EngineError, OSError) as failure:
        tell(Failed(reason=str(failure)))
    except Exception as mistake:  # a mistake of ours: whoever waits must hear of it all the same
        traceback.print_exc()
        tell(Failed(reason=f"{type(mistake).__name__}: {mistake}"))
    else:
        return 0
    return 1


def in_use_message(home: Home, refused: HomeInUse) -> str:
    """Who holds the home, as far as he has written it down yet."""
    state = running_stack(home.state)
    if state is None:
        return str(refused)
    return (
        f"Promenade runs already on the home {home.root}: process {state.supervisor.pid}, "
        f"http://127.0.0.1:{state.port} (see promenade status; promenade down stops it)"
    )


async def _supervise(home: Home, options: Options, tell: Tell) -> None:
    began = time.monotonic()
    plan = make_plan(home, options, choose_ports(options.port))
    stack = Stack(home, options, plan, tell)
    first_start = not home.credentials.exists()
    stop = _stop_event(stack)
    try:
        if not await _started(stack, options.start_within, stop):
            return
        tell(
            Ready(
                url=plan.surroundings.url("gateway"),
                seconds=time.monotonic() - began,
                credentials=str(home.credentials),
                new_credentials=first_start,
            )
        )
        housekeeping = asyncio.create_task(stack.keep_logs_small())
        await stop.wait()
        housekeeping.cancel()
    finally:
        await stack.stop()


async def _started(stack: Stack, within: float, stop: asyncio.Event) -> bool:
    """Whether the stack is ready; False when it was told to stop before it was."""
    starting = asyncio.create_task(stack.start(within))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        starting.result()
        return True
    starting.cancel()
    await asyncio.wait({starting})
    return False


def _stop_event(stack: Stack) -> asyncio.Event:
    """Set by the first signal; a second one kills what has not ended yet."""
    stop = asyncio.Event()

    def told() -> None:
        if stop.is_set():
            stack.kill()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means what it says
            loop.add_signal_handler(number, told)
    return stop
