"""Ways out of the house that need no server: mails as files, text messages as lines of the log."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import structlog
from promenade_chassis.database import Database
from promenade_kernel.values.phone import Phone

from promenade_identity.mail.entity import Mail, MailNotTaken
from promenade_identity.mail.message import message_of
from promenade_identity.mail.smtp import SmtpSettings

log = structlog.get_logger(__name__)


class MailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `mail`: an SMTP server, or a directory that gets one `.eml` file a mail. The server goes first."""

    directory: str | None = None
    smtp: SmtpSettings | None = None


class DirectoryTransport:
    """Writes `<mail id>.eml`, whole or not at all."""

    def __init__(self, directory: Path, sender: str = "Promenade <no-reply@promenade.example.com>") -> None:
        self._directory = directory
        self._sender = sender

    async def deliver(self, mail: Mail) -> None:
        """Write the file; raises `MailNotTaken`."""
        try:
            await asyncio.to_thread(self._write, mail)
        except OSError as error:
            raise MailNotTaken(type(error).__name__) from error

    async def rest(self) -> None:
        """Nothing is held."""

    def _write(self, mail: Mail) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{mail.id}.eml"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(message_of(mail, self._sender).as_bytes())
        fresh.replace(path)


class LoggedTextMessages:
    """Stands in for a provider of text messages: the log gets them, in production only that there was one."""

    def __init__(self, database: Database, *, hides_text: bool) -> None:
        self._database = database
        self._hides_text = hides_text

    async def queue(self, to: Phone, text: str) -> None:
        """Log the message after the commit."""
        shown = "(hidden)" if self._hides_text else text
        self._database.on_commit(lambda: log.info("text-message.sent", to=f"…{to[-3:]}", text=shown))
