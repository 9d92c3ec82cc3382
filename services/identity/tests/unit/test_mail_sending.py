"""What becomes of a mail that is sent, refused or put off, on fakes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from identity_fakes_sessions import InMemoryMails
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.mail.entity import Mail, MailNotTaken, MailRefused, MailServerAway, WaitingMail
from promenade_identity.mail.use_cases import (
    GIVEN_UP_AFTER,
    KEPT_WHEN_DONE,
    MailRoom,
    forget_done_mails,
    pause_after,
    send_next_mail,
)
from promenade_identity.mail.watched import WatchedTransport, show_waiting
from promenade_kernel.values.email import Email
from prometheus_client import REGISTRY

EARLIER = timedelta(hours=1)


@dataclass
class Scripted:
    """A transport that fails as it is told, mail by mail, and takes the rest."""

    failures: list[Exception | None] = field(default_factory=list)
    taken: list[Mail] = field(default_factory=list)
    rested: int = 0

    async def deliver(self, mail: Mail) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        self.taken.append(mail)

    async def rest(self) -> None:
        self.rested += 1


@dataclass
class Sending:
    """The room on fakes."""

    transport: Scripted = field(default_factory=Scripted)
    unit_of_work: InMemoryUnitOfWork = field(default_factory=InMemoryUnitOfWork)

    def __post_init__(self) -> None:
        self.mails = InMemoryMails(self.unit_of_work)
        self.room = MailRoom(self.unit_of_work, self.mails, self.transport)

    async def queue(self, *ages: timedelta) -> list[Mail]:
        made = [
            Mail(to=Email("ada@example.com"), subject="s", text="t", html="h", created_at=utc_now() - age)
            for age in ages
        ]
        async with self.unit_of_work.begin():
            for mail in made:
                await self.mails.queue(mail)
        return made

    async def due(self, after: timedelta = timedelta()) -> WaitingMail | None:
        async with self.unit_of_work.begin():
            return await self.mails.take(utc_now() + after)


@pytest.fixture
def sending() -> Sending:
    return Sending()


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("promenade_mails_total", {"outcome": outcome}) or 0


@pytest.mark.parametrize("failure", [MailRefused("550"), MailNotTaken("451")], ids=["refused", "later"])
async def test_one_bad_mail_does_not_hold_up_the_others(sending: Sending, failure: Exception) -> None:
    """The next one goes out at once."""
    _, second = await sending.queue(2 * EARLIER, EARLIER)
    sending.transport.failures = [failure]

    went_on = [await send_next_mail(room=sending.room) for _ in range(3)]

    assert went_on == [True, True, False]
    assert sending.transport.taken == [second]


async def test_a_server_that_is_away_is_not_asked_for_each_mail(sending: Sending) -> None:
    """One try, then a pause: with a server that answers nothing each try costs its whole time limit."""
    first, second = await sending.queue(2 * EARLIER, EARLIER)
    sending.transport.failures = [MailServerAway("refused")]

    went_on = await send_next_mail(room=sending.room)

    due = await sending.due()
    assert not went_on
    assert due is not None
    assert due.id == second.id
    put_off = await sending.due(pause_after(0))
    assert put_off is not None
    assert put_off.id in (first.id, second.id)


async def test_mails_do_not_pay_for_a_long_outage(sending: Sending) -> None:
    """However long the server was away, half a minute after it is back they all are on their way."""
    (mail,) = await sending.queue(EARLIER)
    for _ in range(20):
        sending.transport.failures = [MailServerAway("refused")]
        await send_next_mail(room=sending.room)
        async with sending.unit_of_work.begin():
            await sending.mails.postpone(mail.id, utc_now() - EARLIER, "its time has come")
    sending.transport.failures = [MailServerAway("refused")]

    await send_next_mail(room=sending.room)

    assert await sending.due(timedelta(seconds=29)) is None
    assert await sending.due(timedelta(seconds=31)) is not None


@pytest.mark.parametrize("failure", [MailNotTaken("451"), MailServerAway("refused")], ids=["later", "away"])
@pytest.mark.parametrize("too_old", [False, True])
async def test_after_four_days_a_mail_is_given_up(sending: Sending, failure: Exception, *, too_old: bool) -> None:
    """Not before, and not without another try."""
    await sending.queue(GIVEN_UP_AFTER + (timedelta(minutes=1) if too_old else -timedelta(minutes=1)))
    sending.transport.failures = [failure]

    await send_next_mail(room=sending.room)

    assert (await sending.due(timedelta(days=1)) is None) == too_old
    assert (await sending.mails.waiting()).count == (0 if too_old else 1)


async def test_an_old_mail_is_sent_all_the_same(sending: Sending) -> None:
    """Late is better than never."""
    mails = await sending.queue(GIVEN_UP_AFTER * 2)

    await send_next_mail(room=sending.room)

    assert sending.transport.taken == mails


async def test_a_mail_that_cannot_be_opened_waits(sending: Sending) -> None:
    """A replica with another secret erases nothing, and holds up nothing."""
    _, second = await sending.queue(2 * EARLIER, EARLIER)

    class Locked(InMemoryMails):
        async def take(self, now: Any) -> WaitingMail | None:
            found = await sending.mails.take(now)
            return replace(found, mail=None) if found and found.id != second.id else found

    locked = replace(sending.room, outgoing=Locked(sending.unit_of_work))
    locked.outgoing.postpone = sending.mails.postpone  # type: ignore[method-assign]
    locked.outgoing.mark_sent = sending.mails.mark_sent  # type: ignore[method-assign]

    assert [await send_next_mail(room=locked) for _ in range(3)] == [True, True, False]

    assert sending.transport.taken == [second]
    assert (await sending.mails.waiting()).count == 1


async def test_the_connection_is_given_back_when_nothing_waits(sending: Sending) -> None:
    """It is kept from mail to mail."""
    await sending.queue(EARLIER, EARLIER)

    rested = [(await send_next_mail(room=sending.room), sending.transport.rested) for _ in range(3)]

    assert rested == [(True, 0), (True, 0), (False, 1)]


async def test_done_mails_are_forgotten_after_a_month(sending: Sending) -> None:
    """Their text was erased at once; the rest goes then."""
    now = utc_now()
    old, recent, waiting = await sending.queue(EARLIER, EARLIER, EARLIER)
    async with sending.unit_of_work.begin():
        await sending.mails.mark_sent(old.id, now - KEPT_WHEN_DONE - EARLIER)
        await sending.mails.give_up(recent.id, now - KEPT_WHEN_DONE + EARLIER, "550")

    assert not await forget_done_mails(room=sending.room)

    async with sending.unit_of_work.begin():
        assert await sending.mails.forget_done(now, 10) == 1
    due = await sending.due()
    assert due is not None
    assert due.mail == waiting


async def test_a_failure_nobody_thought_of_counts_as_a_delay(sending: Sending) -> None:
    """The mail waits, and neither the log nor the row repeats what the error says: it may be the mail's own words."""
    sending.transport.failures = [LookupError("no such codec for ada@example.com: 042137")]
    (mail,) = await sending.queue(EARLIER)
    later = counted("later")

    with structlog.testing.capture_logs() as lines, pytest.raises(MailNotTaken, match=r"^LookupError$"):
        await WatchedTransport(sending.transport).deliver(mail)

    assert lines == [{"log_level": "warning", "event": "mail.later", "mail": str(mail.id), "error": "LookupError"}]
    assert counted("later") == later + 1


async def test_what_becomes_of_mails_is_counted_and_logged(sending: Sending) -> None:
    """By their ids: no line names address, subject or text."""
    mails = await sending.queue(EARLIER, EARLIER, EARLIER)
    sending.transport.failures = [None, MailServerAway("Gone"), MailRefused("SMTPDataError 550")]
    before = [counted(outcome) for outcome in ("sent", "later", "refused")]
    watched = WatchedTransport(sending.transport)

    with structlog.testing.capture_logs() as lines:
        for mail, failure in zip(mails, (None, MailServerAway, MailRefused), strict=True):
            if failure is None:
                await watched.deliver(mail)
                continue
            with pytest.raises(failure):
                await watched.deliver(mail)

    assert [line["event"] for line in lines] == ["mail.sent", "mail.later", "mail.refused"]
    assert [line["mail"] for line in lines] == [str(mail.id) for mail in mails]
    assert not any("ada@" in str(line) for line in lines), "three letters alone are part of many an id"
    assert [counted(outcome) for outcome in ("sent", "later", "refused")] == [count + 1 for count in before]


async def test_the_gauges_show_what_waits(sending: Sending) -> None:
    """How many, and for how long the first of them has."""
    await sending.queue(EARLIER, 2 * EARLIER)

    await show_waiting(sending.mails)
    oldest = REGISTRY.get_sample_value("promenade_mails_oldest_seconds")

    assert REGISTRY.get_sample_value("promenade_mails_waiting") == 2
    assert oldest == pytest.approx(7200, abs=60)
    while await send_next_mail(room=sending.room):
        pass
    await show_waiting(sending.mails)
    assert REGISTRY.get_sample_value("promenade_mails_waiting") == 0
    assert REGISTRY.get_sample_value("promenade_mails_oldest_seconds") == 0
