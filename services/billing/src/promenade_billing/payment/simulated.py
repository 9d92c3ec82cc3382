"""The simulated provider: keeps books of its own, over a connection of its own, and honours keys.

What a charge comes to is said by its method. Its ledger commits before it answers, as with a real provider: whoever
dies in between finds the charge made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from promenade_chassis.database import Database
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values.ids import new_id

from promenade_billing.payment.entity import ActionNeeded, Answer, Captured, Charge, Declined, ProviderSilent

Outcome = Literal["captured", "declined", "action-needed", "never-told"]


@dataclass(frozen=True, slots=True)
class Script:
    """How a method behaves; `silent_at_first`: the charge is booked, its answer is lost."""

    outcome: Outcome
    code: str = ""
    retryable: bool = False
    silent_at_first: bool = False


METHODS = {
    "pm_ok": Script("captured"),
    "pm_decline_soft": Script("declined", "card-declined", retryable=True),
    "pm_decline_hard": Script("declined", "card-lost"),
    "pm_insufficient_funds": Script("declined", "insufficient-funds", retryable=True),
    "pm_requires_action": Script("action-needed"),
    "pm_timeout_then_ok": Script("captured", silent_at_first=True),
    "pm_timeout_then_declined": Script("declined", "card-declined", retryable=True, silent_at_first=True),
    "pm_unknown": Script("never-told"),
}

_BOOK = """
INSERT INTO simulated_provider.charge (key, ref, amount, currency, method, outcome, times_asked, captured_at)
VALUES (%(key)s, %(ref)s, %(amount)s, %(currency)s, %(method)s, %(outcome)s, 1,
        CASE WHEN %(outcome)s = 'captured' THEN now() END)
ON CONFLICT (key) DO UPDATE SET times_asked = charge.times_asked + 1
RETURNING *
"""
_CONFIRM = """
UPDATE simulated_provider.charge
SET outcome = 'captured', captured_at = COALESCE(captured_at, now()), times_asked = times_asked + 1
WHERE key = %(key)s AND outcome IN ('action-needed', 'captured')
RETURNING *
"""
_FIND = "SELECT * FROM simulated_provider.charge WHERE key = %(key)s"


class KeyReused(Exception):
    """The key was used for another charge."""


class SimulatedProvider(BaseRepository):
    """Implements `PaymentProvider`. `database` is its own: nothing it does commits or rolls back with its callers."""

    name = "simulated"

    def __init__(self, database: Database) -> None:
        super().__init__(database)

    def takes(self, method: str) -> bool:
        """Whether there is such a method."""
        return method in METHODS

    async def charge(self, charge: Charge) -> Answer:
        """Charge a method, once for each key however often it is asked."""
        # A statement outside of any transaction commits by itself: a third of the round trips.
        row = await self._fetch_one(
            _BOOK,
            key=charge.key,
            ref=f"sim_{new_id().hex}",
            amount=charge.amount.amount,
            currency=str(charge.amount.currency),
            method=charge.method,
            outcome=METHODS[charge.method].outcome,
        )
        if row is None:
            raise AssertionError("a booked charge has a row")
        if (row["amount"], row["currency"], row["method"]) != (
            charge.amount.amount,
            charge.amount.currency,
            charge.method,
        ):
            raise KeyReused(charge.key)
        if row["times_asked"] == 1 and METHODS[charge.method].silent_at_first:
            raise ProviderSilent
        return _answer(row)

    async def confirm(self, charge: Charge) -> Answer:
        """Go on with a charge for which the buyer has done his part."""
        async with self._database.begin():
            row = await self._write_one(_CONFIRM, key=charge.key)
        if row is None:
            raise KeyReused(charge.key)
        return _answer(row)

    async def find(self, charge: Charge) -> Answer | None:
        """What became of a charge; None when it never arrived."""
        row = await self._fetch_one(_FIND, key=charge.key)
        return _answer(row) if row else None


def _answer(row: Row) -> Answer:
    script, ref = METHODS[row["method"]], str(row["ref"])
    outcome: Outcome = row["outcome"]
    if outcome == "captured":
        return Captured(ref)
    if outcome == "declined":
        return Declined(ref, script.code, script.retryable)
    if outcome == "action-needed":
        return ActionNeeded(ref)
    raise ProviderSilent
