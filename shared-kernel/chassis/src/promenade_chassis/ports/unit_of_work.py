"""The unit of work, as use cases see it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class UnitOfWork(Protocol):
    """All or nothing: what is saved inside `begin()` commits together, with the events it recorded."""

    def begin(self) -> AbstractAsyncContextManager[None]:
        """Open a transaction; inside another one it is a savepoint. An exception rolls it back."""
        ...
