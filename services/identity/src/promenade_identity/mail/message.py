"""A mail as it goes over the wire."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from promenade_identity.mail.entity import Mail


def message_of(mail: Mail, sender: str) -> EmailMessage:
    """The message with a text and an HTML part; the same mail always has the same Message-ID and date.

    Raises `ValueError` for line breaks in what becomes a header.
    """
    name, address = parseaddr(sender)
    receiver = mail.envelope_address
    message = EmailMessage(policy=SMTP if receiver.isascii() else SMTPUTF8)
    message["From"] = Address(display_name=name, addr_spec=address)
    message["To"] = Address(username=mail.to.local, domain=receiver.rpartition("@")[2])
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.id}@{address.rpartition('@')[2]}>"
    # No answers by machines: the one header is the standard's, the other Exchange's.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message
