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


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A mail that is due, and how often sending it has failed."""

    mail: Mail
    attempts: int


class MailNotTaken(Exception):
    """The server is away or busy: later, perhaps."""


class MailRefused(Exception):
    """The server will never take this mail."""
