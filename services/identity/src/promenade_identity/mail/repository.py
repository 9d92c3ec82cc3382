"""The port of mails."""

from __future__ import annotations

from typing import Any, Protocol

from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_identity.mail.entity import Mail


class Mails(Protocol):
    """The mails of this service: queued in the transaction that causes them, delivered by the sender."""

    async def queue(self, mail: Mail) -> None:
        """Keep a mail for the sender; its text is sealed with the service's key until it is sent."""
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
