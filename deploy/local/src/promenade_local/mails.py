"""The mails that the stack has sent: .eml files in the home."""

import email
import email.policy
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from promenade_local.errors import StackError


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it lies in its file."""

    name: str
    date: datetime
    sender: str
    to: str
    subject: str
    text: str


def read_mails(folder: Path) -> list[Mail]:
    """All mails, the oldest first."""
    found = (_read(file) for file in folder.glob("*.eml"))
    return sorted((mail for mail in found if mail is not None), key=lambda mail: (mail.date, mail.name))


def choose_mail(mails: list[Mail], which: str) -> Mail:
    """`latest`, a number of the list from 1, or the beginning of a file name. StackError when there is none."""
    if not mails:
        raise StackError("there is no mail yet")
    if which == "latest":
        return mails[-1]
    if which.isdecimal() and 1 <= int(which) <= len(mails):
        return mails[int(which) - 1]
    named = [mail for mail in mails if mail.name.startswith(which)]
    if len(named) != 1:
        raise StackError(f"{len(named)} mails have a name that begins with {which!r}; see promenade mail list")
    return named[0]


def _read(file: Path) -> Mail | None:
    try:
        content, written = file.read_bytes(), file.stat().st_mtime
    except FileNotFoundError:
        return None  # deleted between listing and reading
    message = email.message_from_bytes(content, policy=email.policy.default)
    return Mail(
        name=file.stem,
        date=_date(message) or datetime.fromtimestamp(written, tz=UTC),
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        text=_text(message),
    )


def _date(message: EmailMessage) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(message["Date"]))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    return "" if part is None else str(part.get_content())
