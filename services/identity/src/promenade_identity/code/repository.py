"""The port of codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from promenade_identity.code.entity import CodeRequest, IssuedCode, Purpose, wait_for_code


class Codes(Protocol):
    """Issued codes; of one purpose and subject only the newest counts."""

    async def replace(self, code: IssuedCode) -> None:
        """Store a code; older ones of its purpose and subject stop counting."""
        ...

    async def redeem(self, purpose: Purpose, subject: UUID, digest: bytes, now: datetime) -> bool:
        """Whether the digest is that of the living code; uses the code up, or counts the try."""
        ...

    async def drop_expired(self, now: datetime) -> None:
        """Forget codes whose time is over."""
        ...


class CodeRequests(Protocol):
    """Who asked for codes to which address or number (`value`, in the form by which two spellings are one)."""

    async def hold(self, purpose: Purpose, value: str, now: datetime) -> Sequence[CodeRequest]:
        """The requests of the last hour; until the transaction ends nobody else asks for codes to this value."""
        ...

    async def add(self, purpose: Purpose, value: str, request: CodeRequest) -> None:
        """Take a request down."""
        ...

    async def forget(self, purpose: Purpose, value: str) -> None:
        """Forget what was asked for: the code was used."""
        ...

    async def drop_expired(self, now: datetime) -> None:
        """Forget requests that are older than an hour."""
        ...


async def may_send_code(purpose: Purpose, value: str, user_id: UUID, now: datetime, requests: CodeRequests) -> bool:
    """Whether one more code may go to the value now, which then counts. Says nothing to whoever asked."""
    asked = await requests.hold(purpose, value, now)
    if wait_for_code((request.asked_at for request in asked), now) > timedelta(0):
        return False
    await requests.add(purpose, value, CodeRequest(user_id, now))
    return True
