"""Sending what waits to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from promenade_chassis.ports import UnitOfWork, utc_now

from promenade_identity.mail.entity import MailNotTaken, MailRefused
from promenade_identity.mail.repository import MailTransport, Outgoing

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class MailRoom:
    """What the use case of this room works with."""

    unit_of_work: UnitOfWork
    outgoing: Outgoing
    transport: MailTransport


async def send_next_mail(*, room: MailRoom) -> bool:
    """Send the mail that waits longest; False when none does.

    The row stays locked while the server is talked to, so no other sender takes it. Killed between the server's
    word and the commit the mail is sent again, under the same Message-ID.
    """
    async with room.unit_of_work.begin():
        now = utc_now()
        waiting = await room.outgoing.take(now)
        if waiting is None:
            return False
        try:
            await room.transport.deliver(waiting.mail)
        except MailRefused as error:
            await room.outgoing.give_up(waiting.mail.id, now, str(error))
        except MailNotTaken as error:
            await room.outgoing.postpone(waiting.mail.id, now + pause_after(waiting.attempts), str(error))
        else:
            await room.outgoing.mark_sent(waiting.mail.id, utc_now())
    return True


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed before this one: 1 s doubling to 5 min."""
    return min(FIRST_PAUSE * 2 ** min(attempts, 20), LONGEST_PAUSE)
