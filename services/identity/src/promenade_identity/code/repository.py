"""The port of codes."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from promenade_identity.code.entity import IssuedCode, Purpose


class Codes(Protocol):
    """Issued codes; of one purpose and subject only the newest counts."""

    async def replace(self, code: IssuedCode) -> None:
        """Store a code; older ones of its purpose and subject stop counting."""
        ...

    async def redeem(self, purpose: Purpose, subject: UUID, digest: bytes, now: datetime) -> bool:
        """Whether the digest is that of the living code; uses the code up, or counts the try."""
        ...
