"""The ports of the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from promenade_identity.audit.entity import Action

# What an entry tells beyond who, what and whom: plain JSON, never a password, code, token or address.
Details = Mapping[str, str | int | bool | None | list[str]]


class Trail(Protocol):
    """Takes down what was done. Nothing is ever changed or removed."""

    async def record(
        self, action: Action, *, actor: UUID | None, subject: UUID | str | None, details: Details | None = None
    ) -> None:
        """Take down a success in the running transaction, so that it stands or falls with the effect.

        `actor` is who did it (None: nobody signed in, or the system itself), `subject` the user it was done to, or
        the name of a role or key. Address, device and request id come from the request in hand.
        """
        ...
