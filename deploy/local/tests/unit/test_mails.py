"""Reading the mails that the stack has sent."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import pytest
from promenade_local.errors import StackError
from promenade_local.mail_commands import app
from promenade_local.mails import choose_mail, harmless, read_mails
from typer.testing import CliRunner


def _write(folder: Path, name: str, minute: int, text: str = "Your code is 123456.", about: str = "") -> None:
    message = EmailMessage()
    message["From"] = "Promenade <noreply@promenade.example.com>"
    message["To"] = "Zoë <zoe@example.com>"
    message["Subject"] = f"Wîllkommen {about or name}"
    message["Date"] = format_datetime(datetime(2026, 1, 2, 3, minute, tzinfo=UTC))
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    (folder / f"{name}.eml").write_bytes(bytes(message))


def test_mails_are_listed_oldest_first_whatever_their_names(tmp_path: Path):
    """The date in the mail decides."""
    _write(tmp_path, "a", minute=9)
    _write(tmp_path, "b", minute=1)

    assert [mail.name for mail in read_mails(tmp_path)] == ["b", "a"]


def test_a_mail_shows_its_text_part_and_decoded_headers(tmp_path: Path):
    """The code is read from the text, not from HTML or base64."""
    _write(tmp_path, "a", minute=1, text="Ihr Code für heute: 654321")

    (mail,) = read_mails(tmp_path)

    assert mail.text.strip() == "Ihr Code für heute: 654321"
    assert (mail.subject, mail.to) == ("Wîllkommen a", "Zoë <zoe@example.com>")


def test_a_mail_without_headers_is_listed_by_its_files_time(tmp_path: Path):
    """Whatever lies there is shown, not hidden behind an error."""
    (tmp_path / "odd.eml").write_bytes(b"\n\xff\xfe no header at all")

    (mail,) = read_mails(tmp_path)

    assert (mail.subject, mail.date.tzinfo) == ("", UTC)


def test_a_mail_is_chosen_by_number_name_or_age(tmp_path: Path):
    """What the list shows can be typed."""
    for minute, name in enumerate(["first", "second", "third"]):
        _write(tmp_path, name, minute)
    mails = read_mails(tmp_path)

    assert choose_mail(mails, "latest").name == "third"
    assert choose_mail(mails, "1").name == "first"
    assert choose_mail(mails, "sec").name == "second"


@pytest.mark.parametrize("which", ["9", "nothing", ""])
def test_a_mail_that_is_not_there_is_an_error(tmp_path: Path, which: str):
    """Neither a wrong number nor an ambiguous name shows any mail."""
    _write(tmp_path, "one", minute=1)
    _write(tmp_path, "two", minute=2)

    with pytest.raises(StackError, match="promenade mail list"):
        choose_mail(read_mails(tmp_path), which)


def test_an_empty_folder_has_no_latest_mail(tmp_path: Path):
    """It is said, not shown as a traceback."""
    with pytest.raises(StackError, match="no mail yet"):
        choose_mail(read_mails(tmp_path / "missing"), "latest")


def test_a_mail_without_text_part_is_shown_by_its_words(tmp_path: Path):
    """Neither markup nor styles, one line a block; what was escaped is readable again."""
    page = "<title>T</title><style>p { color: red }</style><h1>Hello &lt;you&gt;</h1><p>Your\n  code: <b>123456</b></p>"
    (tmp_path / "page.eml").write_bytes(b"Content-Type: text/html; charset=utf-8\n\n" + page.encode())

    (mail,) = read_mails(tmp_path)

    assert mail.text == "Hello <you>\nYour code: 123456"


@pytest.mark.parametrize("charset", ["nobody-knows", "utf-16"])
def test_a_mail_that_cannot_be_decoded_is_shown_as_far_as_it_goes(tmp_path: Path, charset: str):
    """It does not hide the others behind an error."""
    _write(tmp_path, "good", minute=1)
    (tmp_path / "odd.eml").write_bytes(f"Content-Type: text/plain; charset={charset}\n\nodd".encode())

    assert len(read_mails(tmp_path)) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07\r", "\ufffd[31mred\ufffd\ufffd"),
        ("\x9b2J", "\ufffd2J"),
        ("user\u202egpj.exe", "user\ufffdgpj.exe"),
        ("\u2067a\u2069", "\ufffda\ufffd"),
        ("שלום مرحبا Zoë 👩‍👩‍👧\n\tend", "שלום مرحبا Zoë 👩‍👩‍👧\n\tend"),
    ],
    ids=["escape", "C1", "override", "isolate", "scripts"],
)
def test_no_mail_steers_the_terminal(text: str, shown: str):
    """Neither its cursor and colours nor the direction of reading; every script and emoji stays."""
    assert harmless(text) == shown


def test_mails_are_listed_and_shown_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Brackets are no markup, HTML no page, and a name from right to left stands where it should."""
    monkeypatch.setenv("PROMENADE_HOME", str(tmp_path))
    # Rich may have taken the width of whatever it was imported in.
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "mail").mkdir()
    text, about = "<b>Your</b> [bold]code[/bold] שלום 654321", "[red]x[/red] <b>שלום</b>"
    _write(tmp_path / "mail", "a", minute=1, text=text, about=about)

    listed = CliRunner().invoke(app, ["list"])
    shown = CliRunner().invoke(app, ["show"])

    assert listed.exit_code == shown.exit_code == 0, listed.output + shown.output
    assert f"Wîllkommen {about}" in listed.output
    assert f"Subject: Wîllkommen {about}" in shown.output
    assert shown.output.endswith(f"\n{text}\n")
