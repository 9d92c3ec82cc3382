"""Sending what waits to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from promenade_chassis.ports import UnitOfWork, utc_now

from promenade_identity.mail.entity import MailNotTaken, MailRefused, MailServerAway, WaitingMail
from promenade_identity.mail.repository import MailTransport, Outgoing

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
# While the server is away the mails are not to blame: once it is back none of them waits for long.
LONGEST_PAUSE_AWAY = timedelta(seconds=30)
# As long as RFC 5321 asks mail servers to try (4.5.4.1).
GIVEN_UP_AFTER = timedelta(days=4)
KEPT_WHEN_DONE = timedelta(days=30)
FORGOTTEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class MailRoom:
    """What the use cases of this room work with."""

    unit_of_work: UnitOfWork
    outgoing: Outgoing
    transport: MailTransport


async def send_next_mail(*, room: MailRoom) -> bool:
    """Send the mail that is due longest; False when none is, or when it is no use to try another one.

    The row stays locked while the server is talked to, so no other sender takes it. Killed between the server's
    word and the commit the mail is sent again, under the same Message-ID.
    """
    async with room.unit_of_work.begin():
        waiting = await room.outgoing.take(utc_now())
        goes_on = waiting is not None and await _send(waiting, room)
    if not goes_on:
        await room.transport.rest()
    return goes_on


async def forget_done_mails(*, room: MailRoom) -> bool:
    """Drop what is left of mails that were sent or given up 30 days ago; True when there may be more."""
    async with room.unit_of_work.begin():
        forgotten = await room.outgoing.forget_done(utc_now() - KEPT_WHEN_DONE, FORGOTTEN_AT_ONCE)
    return forgotten == FORGOTTEN_AT_ONCE


def pause_after(attempts: int, longest: timedelta = LONGEST_PAUSE) -> timedelta:
    """How long to wait after so many attempts that failed before this one: 1 s, doubling to the longest."""
    return min(FIRST_PAUSE * 2 ** min(attempts, 20), longest)


async def _send(waiting: WaitingMail, room: MailRoom) -> bool:
    """Whether the next one may follow at once."""
    try:
        if waiting.mail is None:
            # The secret may come back; erasing what it opens would be for ever.
            raise MailNotTaken("sealed with another secret")
        await room.transport.deliver(waiting.mail)
    except MailRefused as error:
        await room.outgoing.give_up(waiting.id, utc_now(), str(error))
    except MailServerAway as error:
        await _try_later(waiting, error, utc_now(), LONGEST_PAUSE_AWAY, room)
        return False
    except MailNotTaken as error:
        await _try_later(waiting, error, utc_now(), LONGEST_PAUSE, room)
    else:
        await room.outgoing.mark_sent(waiting.id, utc_now())
    return True


async def _try_later(
    waiting: WaitingMail, error: MailNotTaken, now: datetime, longest: timedelta, room: MailRoom
) -> None:
    if now - waiting.created_at > GIVEN_UP_AFTER:
        await room.outgoing.give_up(waiting.id, now, str(error))
    else:
        await room.outgoing.postpone(waiting.id, now + pause_after(waiting.attempts, longest), str(error))
