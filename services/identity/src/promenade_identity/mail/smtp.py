"""Mails over SMTP: submitted to a server that carries them on."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Literal

import aiosmtplib
import msgspec
from promenade_chassis.config import ConfigurationError
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue

from promenade_identity.mail.entity import Mail, MailNotTaken, MailRefused, MailServerAway
from promenade_identity.mail.message import message_of

IMPLICIT_TLS_PORT = 465
CONNECT_SECONDS = 10.0
PERMANENT = 500
# Refusals that speak of us, not of the mail: authentication is missing, too weak or wrong.
OURS = frozenset({530, 534, 535, 538})

Security = Literal["auto", "tls", "starttls", "none"]


class SmtpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A server to submit to.

    Attributes:
        sender: what stands in From, `Name <address>`; its address is the envelope's, too, and gets what bounces.
        security: `tls` from the start, `starttls` or no mail at all, `none`, or `auto`: TLS on port 465, elsewhere
            STARTTLS, which a server may lack only when there is no password to send.
        ca_file: authorities (PEM) to trust instead of the system's.
        timeout_seconds: how long each answer of the server may take.
    """

    host: str
    port: int = 587
    username: str = ""
    password: str = ""
    sender: str = "Promenade <no-reply@promenade.example.com>"
    security: Security = "auto"
    ca_file: str = ""
    timeout_seconds: float = 30.0


class SmtpTransport:
    """Submits mails one after the other, as many as follow each other over one connection."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = _checked(settings)
        self._trusted = _trusted(settings)
        self._line = asyncio.Lock()
        self._client: aiosmtplib.SMTP | None = None

    async def deliver(self, mail: Mail) -> None:
        """Hand a mail over; raises `MailNotTaken`, `MailServerAway` or `MailRefused`."""
        message = _message(mail, self._settings.sender)
        async with self._line:
            client = await self._connected()
            try:
                await _submit(client, message, mail)
            except BaseException:
                if not client.is_connected:
                    self._client = None
                raise

    async def rest(self) -> None:
        """Nothing follows: take leave of the server."""
        async with self._line:
            client, self._client = self._client, None
            if client is not None:
                with suppress(aiosmtplib.SMTPException, OSError):
                    await client.quit()
                client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is None or not self._client.is_connected:
            self._client = await self._connect()
        return self._client

    async def _connect(self) -> aiosmtplib.SMTP:
        settings = self._settings
        implicit = settings.security == "tls"
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username or None,
            password=settings.password or None,
            use_tls=implicit,
            # None: where it is offered.
            start_tls=None if settings.security == "auto" else settings.security == "starttls",
            tls_context=self._trusted,
            timeout=settings.timeout_seconds,
        )
        try:
            await client.connect(timeout=min(CONNECT_SECONDS, settings.timeout_seconds))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise MailServerAway(_described(error)) from error
        return client


async def _submit(client: aiosmtplib.SMTP, message: EmailMessage, mail: Mail) -> None:
    try:
        await client.send_message(message, recipients=[mail.envelope_address])
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise _refusal(error.recipients[0]) from error
    except aiosmtplib.SMTPDataError as error:
        raise _refusal(error) from error
    # A sender that is not liked is a matter of the settings: no mail is given up for it.
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPNotSupported) as error:
        raise MailNotTaken(_described(error)) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        client.close()
        raise MailServerAway(_described(error)) from error


def _refusal(error: aiosmtplib.SMTPResponseException) -> Exception:
    final = error.code >= PERMANENT and error.code not in OURS
    return (MailRefused if final else MailNotTaken)(_described(error))


def _described(error: Exception) -> str:
    """Kind and code; what the server said besides may repeat the address."""
    code = getattr(error, "code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"


def _message(mail: Mail, sender: str) -> EmailMessage:
    try:
        return message_of(mail, sender)
    except ValueError as error:
        # Line breaks in a header, for one: there is no message that says this.
        raise MailRefused(type(error).__name__) from None


def _checked(settings: SmtpSettings) -> SmtpSettings:
    """The settings with `auto` made up to what it means; raises `ConfigurationError`."""
    if settings.username and settings.security == "none":
        raise ConfigurationError("mail.smtp.security: a password is never sent in the clear; none needs no username")
    try:
        Email(parseaddr(settings.sender)[1])
    except InvalidValue:
        raise ConfigurationError("mail.smtp.sender: name an address, as in Name <no-reply@example.com>") from None
    if settings.security != "auto":
        return settings
    if settings.port == IMPLICIT_TLS_PORT:
        return msgspec.structs.replace(settings, security="tls")
    return msgspec.structs.replace(settings, security="starttls") if settings.username else settings


def _trusted(settings: SmtpSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ssl.SSLError):
        raise ConfigurationError("mail.smtp.ca_file: there are no certificates to be read") from None
