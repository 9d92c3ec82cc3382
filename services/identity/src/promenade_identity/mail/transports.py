"""Ways out of the house for mails and text messages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiosmtplib
import msgspec
import structlog
from promenade_chassis.database import Database
from promenade_kernel.values.phone import Phone

from promenade_identity.mail.entity import Mail, MailNotTaken, MailRefused
from promenade_identity.mail.message import message_of

log = structlog.get_logger(__name__)

IMPLICIT_TLS_PORT = 465
SMTP_SECONDS = 20.0
PERMANENT = 500


class SmtpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A server to submit to. Port 465 is TLS from the start; with a username others must offer STARTTLS."""

    host: str
    port: int = 587
    username: str = ""
    password: str = ""
    sender: str = "Promenade <no-reply@promenade.example.com>"


class MailSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `mail`: an SMTP server, or a directory that gets one `.eml` file a mail. The server goes first."""

    directory: str | None = None
    smtp: SmtpSettings | None = None


class SmtpTransport:
    """Submits each mail over a connection of its own."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    async def deliver(self, mail: Mail) -> None:
        """Hand a mail over; raises `MailNotTaken` or `MailRefused`."""
        settings = self._settings
        implicit = settings.port == IMPLICIT_TLS_PORT
        try:
            await aiosmtplib.send(
                message_of(mail, settings.sender),
                hostname=settings.host,
                port=settings.port,
                username=settings.username or None,
                password=settings.password or None,
                use_tls=implicit,
                # A password is never sent in the clear; without one TLS is used where it is offered.
                start_tls=False if implicit else bool(settings.username) or None,
                timeout=SMTP_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _failure(error.recipients[0].code, error) from error
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            raise _failure(error.code, error) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailNotTaken(type(error).__name__) from error


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


def _failure(code: int, error: aiosmtplib.SMTPException) -> Exception:
    return (MailRefused if code >= PERMANENT else MailNotTaken)(f"{type(error).__name__} {code}")
