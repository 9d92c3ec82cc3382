"""The port of mails."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_identity.mail.entity import Mail, Waiting, WaitingMail


class Mails(Protocol):
    """The mails of this service: queued in the transaction that causes them, delivered by the sender."""

    async def queue(self, mail: Mail) -> None:
        """Keep a mail for the sender; its text is sealed with the service's key until it is sent."""
        ...


class Outgoing(Protocol):
    """The same mails, as the sender sees them."""

    async def take(self, now: datetime) -> WaitingMail | None:
        """The mail that is due longest, held until the transaction ends; those held by others are left."""
        ...

    async def waiting(self) -> Waiting:
        """How many mails are neither sent nor given up."""
        ...

    async def forget_done(self, before: datetime, limit: int) -> int:
        """Drop rows of mails that were sent or given up before a moment; answers how many."""
        ...

    async def mark_sent(self, mail_id: UUID, now: datetime) -> None:
        """The server has it: note when, erase what it said."""
        ...

    async def postpone(self, mail_id: UUID, until: datetime, error: str) -> None:
        """Count an attempt that failed."""
        ...

    async def give_up(self, mail_id: UUID, now: datetime, error: str) -> None:
        """Nobody will ever take it: note why, erase what it said."""
        ...


class MailTransport(Protocol):
    """Carries mails out of the house."""

    async def deliver(self, mail: Mail) -> None:
        """Hand a mail over; raises `MailNotTaken`, `MailServerAway` or `MailRefused`."""
        ...

    async def rest(self) -> None:
        """Nothing follows for now: let go of what was kept for the next mail."""
        ...


class MailTemplates(Protocol):
    """Makes mails of templates."""

    def render(self, template: str, to: Email, locale: str | None = None, **values: Any) -> Mail:
        """The mail of a template (`contact-code`, `activation` …) with its values."""
        ...


class TextMessages(Protocol):
    """Short messages to phones."""

    async def queue(self, to: Phone, text: str) -> None:
        """Send a message, or keep it for the sender."""
        ...
