"""What operators see of mails: counts, and lines of the log that name neither address nor text."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from prometheus_client import Counter, Gauge

from promenade_identity.mail.entity import Mail, MailNotTaken, MailRefused
from promenade_identity.mail.repository import MailTransport, Outgoing

log = structlog.get_logger(__name__)

# Exported as …_total.
MAILS = Counter("promenade_mails", "Attempts to hand a mail over: sent, later or refused.", ["outcome"])
WAITING = Gauge("promenade_mails_waiting", "Mails that are neither sent nor given up.")
OLDEST = Gauge("promenade_mails_oldest_seconds", "For how long the first of them has waited.")


class WatchedTransport:
    """A transport with its attempts counted and logged. Whatever goes wrong with a mail does not hold up the others."""

    def __init__(self, transport: MailTransport) -> None:
        self._transport = transport

    async def deliver(self, mail: Mail) -> None:
        """Hand a mail over; raises `MailNotTaken`, `MailServerAway` or `MailRefused`, and nothing else."""
        try:
            await self._transport.deliver(mail)
        except MailRefused as error:
            _tell("refused", mail, error)
            raise
        except MailNotTaken as error:
            _tell("later", mail, error)
            raise
        except Exception as error:
            # Not the words of the error: they may be those of the mail.
            unforeseen = MailNotTaken(type(error).__name__)
            _tell("later", mail, unforeseen)
            raise unforeseen from error
        _tell("sent", mail)

    async def rest(self) -> None:
        """Nothing follows for now."""
        await self._transport.rest()


async def show_waiting(outgoing: Outgoing) -> bool:
    """Bring the gauges up to date. Replicas show the same: take `max`, not `sum`."""
    waiting = await outgoing.waiting()
    WAITING.set(waiting.count)
    OLDEST.set((datetime.now(UTC) - waiting.since).total_seconds() if waiting.since else 0)
    return False


def _tell(outcome: str, mail: Mail, error: Exception | None = None) -> None:
    MAILS.labels(outcome).inc()
    if error is None:
        log.info("mail.sent", mail=str(mail.id))
    else:
        log.warning(f"mail.{outcome}", mail=str(mail.id), error=str(error))
