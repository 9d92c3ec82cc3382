"""The unit of work, as use cases see it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class UnitOfWork(Protocol):
    """All or nothing: what is saved inside `begin()` commits together, with the events it recorded."""

    def begin(self) -> AbstractAsyncContextManager[None]:
        """Open a transaction; inside another one it is a savepoint. An exception rolls it back."""
        ...

    def at_once(self) -> AbstractAsyncContextManager[None]:
        """As `begin()`, for a block that only adds: what it saves is sent at its end, and refused there if it is.

        Nothing is asked for in it. It takes one round trip, where `begin()` takes three or more.
        """
        ...
