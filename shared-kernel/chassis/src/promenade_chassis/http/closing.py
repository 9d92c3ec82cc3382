"""How a listener stops: nobody who was let in goes without an answer. Free of any server: the gateway has its own."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

# So long whoever was let in just before the end may take to ask.
STILL_ASKING_SECONDS = 2.0
_QUEUE_SECONDS = 1.0
_POLL_SECONDS = 0.01

# Classic BPF over a TCP header (linux/filter.h): what has SYN set (byte 13, bit 2) is dropped, as if lost on the way.
_DROP_SYN = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
)
_SO_ATTACH_FILTER = 26
_TCP_INFO_UNACKED = 24  # struct tcp_info, tcpi_unacked: of a listening socket, how many wait to be accepted


async def close_door(listeners: Iterable[Any]) -> None:
    """Take no new connections, and wait until those that the kernel has taken are accepted.

    A listening socket that is closed resets whoever is connected but not accepted yet: he believes that he was let
    in. So new ones are first made to wait outside; they are refused as soon as the socket is closed. Where the
    kernel is not Linux the socket is closed as it is.
    """
    if not sys.platform.startswith("linux"):
        return
    doors = [listener for listener in listeners if listener.family in (socket.AF_INET, socket.AF_INET6)]
    for door in doors:
        # A sandbox may not allow filters. Whatever goes wrong here, the server has to stop.
        with contextlib.suppress(OSError):
            _drop_new(door)
    await wait_until(lambda: not any(_waiting(door) for door in doors), _QUEUE_SECONDS)
    # What has just been accepted gets its protocol in one of the next turns of the loop.
    await asyncio.sleep(_POLL_SECONDS)


def _drop_new(door: Any) -> None:
    instructions = ctypes.create_string_buffer(_DROP_SYN)
    program = struct.pack("HL", len(_DROP_SYN) // 8, ctypes.addressof(instructions))
    door.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _waiting(door: Any) -> int:
    """How many wait to be accepted, as far as this kernel tells."""
    try:
        information: bytes = door.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_UNACKED + 4)
        (count,) = struct.unpack_from("I", information, _TCP_INFO_UNACKED)
    except (OSError, struct.error):
        return 0
    return count


async def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Look every 10 ms, for so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        await asyncio.sleep(_POLL_SECONDS)
