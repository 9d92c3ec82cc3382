"""A mail waiting to be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import utc_now
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id


@dataclass(frozen=True, slots=True)
class Mail:
    """One message with a text and an HTML part; its id is the Message-ID, so a repeated delivery can be recognised."""

    to: Email
    subject: str
    text: str
    html: str
    id: UUID = field(default_factory=new_id)
    created_at: datetime = field(default_factory=utc_now)

    @property
    def envelope_address(self) -> str:
        """The address with its domain in ASCII where that is enough: every server understands it then."""
        if not self.to.local.isascii():
            return str(self.to)
        return f"{self.to.local}@{self.to.ascii_domain}"


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A mail that is due, and how often sending it has failed. `mail` is None when it was sealed with another key."""

    id: UUID
    created_at: datetime
    attempts: int
    mail: Mail | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many mails wait, and since when the first of them does."""

    count: int
    since: datetime | None


class MailNotTaken(Exception):
    """Not this time: later, perhaps."""


class MailServerAway(MailNotTaken):
    """The server cannot be reached or talked to: nor would it take any other mail."""


class MailRefused(Exception):
    """The server will never take this mail."""
