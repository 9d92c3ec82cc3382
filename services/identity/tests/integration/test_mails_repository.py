"""What the ports of mails promise: one suite for the fake and for PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from identity_fakes_sessions import InMemoryMails
from promenade_chassis.database import Database
from promenade_chassis.ports import UnitOfWork, utc_now
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.mail.entity import Mail, Waiting, WaitingMail
from promenade_identity.mail.postgres import PostgresMails
from promenade_identity.sealing import Seal, derived_key
from promenade_kernel.values.email import Email

NOW = utc_now()
HOUR = timedelta(hours=1)


@dataclass
class Store:
    unit_of_work: UnitOfWork
    mails: InMemoryMails | PostgresMails

    async def queue(self, age: timedelta) -> Mail:
        mail = Mail(to=Email("ada@example.com"), subject="s", text="t", html="h", created_at=NOW - age)
        async with self.unit_of_work.begin():
            await self.mails.queue(mail)
        return mail

    async def forget(self, age: timedelta, limit: int = 10) -> int:
        async with self.unit_of_work.begin():
            return await self.mails.forget_done(NOW - age, limit)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        memory = InMemoryUnitOfWork()
        return Store(memory, InMemoryMails(memory))
    database: Database = request.getfixturevalue("database")
    return Store(database, PostgresMails(database, Seal(derived_key("a secret", "tests"))))


async def test_a_mail_comes_with_its_age_and_its_attempts(store: Store) -> None:
    """By which it is put off longer each time, and one day given up."""
    mail = await store.queue(HOUR)
    async with store.unit_of_work.begin():
        await store.mails.postpone(mail.id, NOW, "away")

    async with store.unit_of_work.begin():
        found = await store.mails.take(NOW)

    assert found == WaitingMail(mail.id, NOW - HOUR, 1, mail)


async def test_what_waits_is_counted(store: Store) -> None:
    """Neither what was sent nor what was given up, but what was put off; with the age of the oldest."""
    assert await store.mails.waiting() == Waiting(0, None)
    sent, refused, put_off = [await store.queue(age * HOUR) for age in (4, 3, 2)]
    await store.queue(HOUR)

    async with store.unit_of_work.begin():
        await store.mails.mark_sent(sent.id, NOW)
        await store.mails.give_up(refused.id, NOW, "550")
        await store.mails.postpone(put_off.id, NOW + HOUR, "away")

    assert await store.mails.waiting() == Waiting(2, NOW - 2 * HOUR)


async def test_done_mails_are_forgotten_by_the_time_they_were_done(store: Store) -> None:
    """So many at once; what waits is never forgotten, however old."""
    sent, refused = [await store.queue(9 * HOUR) for _ in range(2)]
    await store.queue(9 * HOUR)
    async with store.unit_of_work.begin():
        await store.mails.mark_sent(sent.id, NOW - 3 * HOUR)
        await store.mails.give_up(refused.id, NOW - HOUR, "550")

    assert [await store.forget(age * HOUR) for age in (4, 2, 2)] == [0, 1, 0]
    assert [await store.forget(timedelta(), limit=1) for _ in range(2)] == [1, 0]
    assert (await store.mails.waiting()).count == 1


async def test_a_mail_sealed_with_another_secret_is_taken_without_its_text(database: Database) -> None:
    """It is put off like any other that cannot be sent, and keeps nobody else's from leaving."""
    before, now = [PostgresMails(database, Seal(derived_key(secret, "tests"))) for secret in ("old", "new")]
    mail = await Store(database, before).queue(HOUR)

    async with database.begin():
        found = await now.take(NOW)

    assert found == WaitingMail(mail.id, NOW - HOUR, 0, None)
