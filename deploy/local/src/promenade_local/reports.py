"""What the supervisor tells whoever started it while the stack comes up."""

from collections.abc import Callable
from typing import TypeAlias

import msgspec


class Step(msgspec.Struct, frozen=True, tag=True):
    """Something was reached: a process is ready, a database migrated."""

    name: str
    text: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Everything answers."""

    url: str
    seconds: float
    credentials: str
    new_credentials: bool


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The stack does not run; `reason` says why and where to look."""

    reason: str


Report: TypeAlias = Step | Ready | Failed
Tell: TypeAlias = Callable[[Report], None]


def encode(report: Report) -> bytes:
    """One line."""
    return msgspec.json.encode(report) + b"\n"


def decode(line: bytes) -> Report:
    """The report that was encoded."""
    return msgspec.json.decode(line, type=Step | Ready | Failed)
