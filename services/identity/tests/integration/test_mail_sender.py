"""Sending mails: to a real SMTP server and into files; none is lost, whatever dies when."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import pytest
from identity_smtp import Inbox, serving, text_of
from promenade_chassis.database import Database
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.ports import lent_port
from promenade_identity.mail import use_cases
from promenade_identity.mail.entity import Mail, MailNotTaken
from promenade_identity.mail.postgres import PostgresMails
from promenade_identity.mail.repository import MailTransport
from promenade_identity.mail.smtp import SmtpTransport
from promenade_identity.mail.transports import DirectoryTransport
from promenade_identity.mail.use_cases import MailRoom, send_next_mail
from promenade_identity.sealing import Seal, derived_key
from promenade_kernel.values.email import Email
from psycopg.errors import CheckViolation

SEAL = Seal(derived_key("a secret", "tests"))


@pytest.fixture
async def inbox() -> AsyncGenerator[Inbox, None]:
    inbox = Inbox()
    async with serving(inbox):
        yield inbox


@pytest.fixture
async def smtp(inbox: Inbox) -> AsyncGenerator[SmtpTransport, None]:
    transport = SmtpTransport(inbox.settings())
    yield transport
    await transport.rest()


def room_of(database: Database, transport: MailTransport) -> MailRoom:
    return MailRoom(database, PostgresMails(database, SEAL), transport)


async def queue(database: Database, count: int = 1) -> list[Mail]:
    mails = [
        Mail(to=Email(f"user{n}@example.com"), subject=f"Mail {n}", text=f"The code is 04213{n}\n", html="<p>…</p>")
        for n in range(count)
    ]
    async with database.begin():
        for mail in mails:
            await PostgresMails(database, SEAL).queue(mail)
    return mails


async def row_of(database: Database, mail: Mail) -> dict[str, Any]:
    async with database.reading_connection() as connection:
        row = await (await connection.execute("SELECT * FROM mail WHERE id = %(id)s", {"id": mail.id})).fetchone()
    assert row is not None
    return row


async def test_mails_arrive_at_a_server(database: Database, inbox: Inbox, smtp: SmtpTransport) -> None:
    """In the order they were queued, each under its own Message-ID; afterwards their text is erased."""
    mails = await queue(database, 3)
    room = room_of(database, smtp)

    sent = [await send_next_mail(room=room) for _ in range(4)]

    assert sent == [True, True, True, False]
    assert [message["Message-ID"] for message in inbox.messages] == [
        f"<{mail.id}@promenade.example.com>" for mail in mails
    ]
    assert text_of(inbox.messages[0]).strip() == "The code is 042130"
    rows = [await row_of(database, mail) for mail in mails]
    assert all(row["sealed"] is None and row["sent_at"] is not None for row in rows)


async def test_another_secret_erases_nothing(database: Database, inbox: Inbox, smtp: SmtpTransport) -> None:
    """A sender that cannot open a mail leaves it to one that can."""
    (mail,) = await queue(database)
    stranger = PostgresMails(database, Seal(derived_key("another secret", "tests")))

    await send_next_mail(room=MailRoom(database, stranger, smtp))

    row = await row_of(database, mail)
    assert (row["attempts"], row["last_error"], inbox.messages) == (1, "sealed with another secret", [])
    async with database.begin():
        await database.writing_connection().execute("UPDATE mail SET next_at = now()")
    await send_next_mail(room=room_of(database, smtp))
    assert [message["Subject"] for message in inbox.messages] == [mail.subject]


@pytest.mark.parametrize("kept", ["sealed = NULL", "sent_at = now()", "refused_at = now()"])
async def test_a_text_is_there_exactly_as_long_as_it_is_needed(database: Database, kept: LiteralString) -> None:
    """The database itself refuses to lose a text that waits, and to keep one that is done."""
    await queue(database)

    with pytest.raises(CheckViolation):
        async with database.begin():
            await database.writing_connection().execute(f"UPDATE mail SET {kept}")


async def test_nothing_readable_waits_in_the_database(database: Database) -> None:
    """Neither address nor code stand in the row."""
    (mail,) = await queue(database)

    row = await row_of(database, mail)

    assert b"042130" not in bytes(row["sealed"])
    assert b"example.com" not in bytes(row["sealed"])


async def test_senders_in_parallel_send_each_mail_once(database: Database, inbox: Inbox, smtp: SmtpTransport) -> None:
    """A row in hand is left alone by the others."""
    mails = await queue(database, 10)
    room = room_of(database, smtp)

    async def sender() -> None:
        while await send_next_mail(room=room):
            pass

    await asyncio.gather(*(sender() for _ in range(4)))

    assert sorted(str(message["Subject"]) for message in inbox.messages) == [mail.subject for mail in mails]


async def test_a_sender_that_dies_after_the_servers_word_sends_twice(
    database: Database, inbox: Inbox, smtp: SmtpTransport
) -> None:
    """Not none at all: the mail comes again, and its Message-ID tells that it is the same."""
    await queue(database)

    class Dies(SmtpTransport):
        async def deliver(self, mail: Mail) -> None:
            await super().deliver(mail)
            raise KeyboardInterrupt

    dying = Dies(inbox.settings())
    with pytest.raises(KeyboardInterrupt):
        await send_next_mail(room=room_of(database, dying))
    await dying.rest()
    await send_next_mail(room=room_of(database, smtp))

    first, second = inbox.messages
    assert first["Message-ID"] == second["Message-ID"]


async def test_a_busy_server_gets_it_later(
    database: Database, inbox: Inbox, smtp: SmtpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once, and not for ever later; meanwhile the mail stays sealed."""
    # Nothing that is done here takes as long, whatever the machine.
    monkeypatch.setattr(use_cases, "FIRST_PAUSE", timedelta(minutes=1))
    (mail,) = await queue(database)
    inbox.answers = ["451 Greylisted"]
    room = room_of(database, smtp)

    assert [await send_next_mail(room=room) for _ in range(2)] == [True, False]

    row = await row_of(database, mail)
    assert (row["attempts"], row["last_error"], row["sent_at"]) == (1, "SMTPDataError 451", None)
    assert timedelta() < row["next_at"] - utc_now() <= timedelta(minutes=1)
    assert row["sealed"] is not None


async def test_a_refused_mail_is_given_up(database: Database, inbox: Inbox, smtp: SmtpTransport) -> None:
    """The server will never take it: why is noted, the text is erased, the next one is sent."""
    refused, taken = await queue(database, 2)
    inbox.answers = ["554 No such user"]
    room = room_of(database, smtp)

    assert [await send_next_mail(room=room) for _ in range(3)] == [True, True, False]

    row = await row_of(database, refused)
    assert (row["last_error"], row["sealed"], row["sent_at"]) == ("SMTPDataError 554", None, None)
    assert row["refused_at"] is not None
    assert [message["Subject"] for message in inbox.messages] == [taken.subject]


async def test_mails_wait_for_a_server_that_is_away(database: Database) -> None:
    """They are sent once it is back."""
    inbox = Inbox()
    inbox.port = lent_port()
    (mail,) = await queue(database)
    room = room_of(database, SmtpTransport(inbox.settings()))

    await send_next_mail(room=room)
    assert (await row_of(database, mail))["attempts"] == 1
    async with database.begin():
        await database.writing_connection().execute("UPDATE mail SET next_at = now()")
    async with serving(inbox, inbox.port):
        while await send_next_mail(room=room):
            pass

    assert [message["Subject"] for message in inbox.messages] == [mail.subject]


async def test_mails_become_files(database: Database, tmp_path: Path) -> None:
    """One whole `.eml` file a mail, in a folder that is made; nothing else is left in it."""
    mails = await queue(database, 2)
    folder = tmp_path / "a" / "mail"
    room = room_of(database, DirectoryTransport(folder))

    while await send_next_mail(room=room):
        pass

    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"{mail.id}.eml" for mail in mails]
    message = email.message_from_bytes(files[0].read_bytes(), policy=email.policy.default)
    assert (str(message["To"]), message["Subject"]) == (mails[0].to, mails[0].subject)


async def test_a_folder_that_cannot_be_written_gets_them_later(tmp_path: Path) -> None:
    """A full disk loses nothing."""
    (tmp_path / "file").touch()
    mail = Mail(to=Email("ada@example.com"), subject="s", text="t\n", html="h")

    with pytest.raises(MailNotTaken):
        await DirectoryTransport(tmp_path / "file" / "mail").deliver(mail)
