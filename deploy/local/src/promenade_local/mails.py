"""The mails that the stack has sent: .eml files in the home."""

import email
import email.policy
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path

from promenade_local.errors import StackError

_UNSEEN = frozenset({"style", "script", "title"})
_BLOCKS = frozenset({"p", "div", "br", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "hr", "blockquote"})
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


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


def harmless(text: str) -> str:
    """A text that moves neither cursor nor reading direction of a terminal: what would is shown as `\ufffd`."""
    return "".join("\ufffd" if _steers(char) else char for char in text)


def _steers(char: str) -> bool:
    # The bidirectional formatting characters; letters of right-to-left scripts find their way without them.
    return char in _TURNING or (unicodedata.category(char) in ("Cc", "Zl", "Zp") and char not in "\n\t")


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
    if part is None:
        return ""
    text = _decoded(part).replace("\r\n", "\n")
    return _words_of(text) if part.get_content_subtype() == "html" else text


def _decoded(part: EmailMessage | MIMEPart) -> str:
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        # A charset nobody knows: what can be read of it.
        return bytes(part.get_payload(decode=True) or b"").decode(errors="replace")


class _Words(HTMLParser):
    """Collects what a page shows, a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = [""]
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.lines[-1] += data


def _words_of(page: str) -> str:
    words = _Words()
    words.feed(page)
    words.close()
    lines = (" ".join(line.split()) for line in words.lines)
    return "\n".join(line for line in lines if line)
