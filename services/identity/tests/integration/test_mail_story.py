"""Every mail of the story, from the request to a real SMTP server, and what is left of it in the database."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import pytest
from identity_service import PASSWORD, Suite, code_in, fresh_address, running_suite, settings_for
from identity_smtp import Inbox, serving, text_of
from promenade_chassis.database import Database
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.ports import lent_port
from promenade_identity.user.entity import LOCK_EVERY, User
from promenade_identity.user.postgres import PostgresUsers
from psycopg import sql

NEW = "an otter writes the weather report"
ENDS: list[tuple[Callable[[User], None], str]] = [
    (User.suspend, "Your Promenade account is suspended"),
    (User.reinstate, "Your Promenade account is open again"),
    (lambda user: user.delete(utc_now()), "Your Promenade account is deleted"),
]
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+")


@pytest.fixture
def inbox() -> Inbox:
    """A server that does not listen yet, but whose port is known."""
    return Inbox(port=lent_port())


@pytest.fixture
async def suite(database_url: str, redis_url: str, tmp_path: Path, inbox: Inbox) -> AsyncGenerator[Suite, None]:
    mail = {"smtp": {"host": "127.0.0.1", "port": inbox.port}}
    async with running_suite(settings_for(database_url, redis_url, mail=mail), tmp_path) as suite:
        yield suite


async def arrived(inbox: Inbox, address: str, subject: str) -> str:
    """The text of the only mail with a subject."""

    def found() -> EmailMessage:
        (message,) = [each for each in inbox.to(address) if each["Subject"] == subject]
        return message

    return text_of(await eventually(found, within=15))


async def change(suite: Suite, user_id: str, what: Callable[[User], None]) -> None:
    """Do something to the user that another story tells how to ask for."""
    users, database = PostgresUsers(suite.service.database), suite.service.database
    async with database.begin():
        user = await users.get(UUID(user_id))
        what(user)
        await users.save(user)


async def dump(database: Database) -> list[tuple[str, str | bytes]]:
    """Every value of every row that could hold a code, with its table; moments are left out: they have many digits."""
    tables = await rows(database, "SELECT relname FROM pg_stat_user_tables")
    found: list[tuple[str, str | bytes]] = []
    for table in [row["relname"] for row in tables]:
        statement = sql.SQL("SELECT * FROM {table}").format(table=sql.Identifier(table))
        async with database.reading_connection() as connection:
            for row in await (await connection.execute(statement)).fetchall():
                found += [(table, readable(value)) for value in row.values()]
    return found


async def rows(database: Database, statement: LiteralString) -> list[dict[str, Any]]:
    async with database.reading_connection() as connection:
        return await (await connection.execute(statement)).fetchall()


def readable(value: object) -> str | bytes:
    if isinstance(value, datetime):
        return ""
    if isinstance(value, list):
        return " ".join(str(readable(each)) for each in value)
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return bytes(value)
    return MOMENT.sub("", str(value))


def holders(values: list[tuple[str, str | bytes]], secret: str) -> set[str]:
    """The tables in which a secret can be read."""
    word = re.compile(rf"(?<!\w){re.escape(secret)}(?!\w)")
    return {
        table
        for table, value in values
        if (secret.encode() in value if isinstance(value, bytes) else word.search(value))
    }


async def test_every_mail_of_the_story_arrives(suite: Suite, inbox: Inbox) -> None:
    """Once, in text and HTML; nobody can read the codes in the database, and the events tell nothing of them."""
    address, second = fresh_address(), fresh_address()
    async with serving(inbox, inbox.port):
        await suite.register(address)
        codes = [code_in(await arrived(inbox, address, "Your Promenade code"))]
        verified = await suite.post("/auth/verify-email", {"email": address, "code": codes[0]})
        await suite.register(address, "somebody else's fine password")
        await suite.post("/auth/password/forgot", {"email": address})
        codes.append(code_in(await arrived(inbox, address, "Your Promenade code for a new password")))
        await suite.post("/auth/password/reset", {"email": address, "code": codes[1], "new_password": NEW})
        token = (await suite.login(address, NEW))["access_token"]
        contact = (await suite.post("/contacts", {"type": "email", "email": second}, token)).json()
        await suite.post(f"/contacts/{contact['id']}/send-code", token=token)
        codes.append(code_in(await arrived(inbox, second, "Your Promenade code for this address")))
        for _ in range(LOCK_EVERY):
            await suite.post("/auth/login", {"email": address, "password": "not the password at all"})
        await arrived(inbox, address, "Your Promenade account is locked for a while")
        for what, told in ENDS:
            await change(suite, verified.json()["id"], what)
            await arrived(inbox, address, told)

    assert sorted(str(message["Subject"]) for message in inbox.messages) == [
        "You already have a Promenade account",
        "Your Promenade account is deleted",
        "Your Promenade account is locked for a while",
        "Your Promenade account is open again",
        "Your Promenade account is suspended",
        "Your Promenade code",
        "Your Promenade code for a new password",
        "Your Promenade code for this address",
        "Your Promenade password was changed",
    ]
    for message in inbox.messages:
        parts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
        assert list(parts) == ["text/plain", "text/html"]
        assert str(message["Subject"]).removeprefix("Your Promenade").strip()
        assert message["Auto-Submitted"] == "auto-generated"
        assert len(parts["text/plain"]) > 100
        assert "</html>" in parts["text/html"]
    assert len({message["Message-ID"] for message in inbox.messages}) == len(inbox.messages)
    database = suite.service.database
    await eventually(lambda: all_done(database))
    left = await dump(database)
    assert {table for table, _ in left} >= {"mail", "outbox", "verification_code", "user", "inbox"}
    for secret in [*codes, PASSWORD, NEW, token]:
        assert holders(left, secret) == set()
    assert "outbox" in holders(left, address)


async def test_mails_wait_sealed_for_a_server_that_is_away(suite: Suite, inbox: Inbox) -> None:
    """Nothing of them can be read meanwhile; when the server is back, all arrive with the codes that count."""
    addresses = [fresh_address() for _ in range(2)]
    for address in addresses:
        await suite.register(address)
    database = suite.service.database
    await eventually(lambda: each_was_tried(database, 2), within=15)
    meanwhile = await dump(database)

    async with serving(inbox, inbox.port):
        codes = [code_in(await arrived(inbox, address, "Your Promenade code")) for address in addresses]

    for code in codes:
        assert holders(meanwhile, code) == set()
    for address in addresses:
        assert holders(meanwhile, address) == {"outbox", "user"}
    answers = [
        await suite.post("/auth/verify-email", {"email": address, "code": code})
        for address, code in zip(addresses, codes, strict=True)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(inbox.messages) == 2


async def all_done(database: Database) -> None:
    found = await rows(database, "SELECT sealed, sent_at FROM mail")
    assert all(row["sealed"] is None and row["sent_at"] is not None for row in found)


async def each_was_tried(database: Database, count: int) -> None:
    found = await rows(database, "SELECT attempts FROM mail")
    assert len(found) == count
    assert all(row["attempts"] > 0 for row in found)
