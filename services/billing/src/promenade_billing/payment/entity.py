"""A payment: one attempt to charge a method, under one key of the provider."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from promenade_chassis.ports import Aggregate, StateMachine, current_cause
from promenade_kernel.events.envelope import Cause
from promenade_kernel.values.money import Money

ACTION_WITHIN = timedelta(minutes=15)
LOOK_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), *[timedelta(days=1)] * 7)
"""When a payment whose outcome is unknown is looked up, each counted from the look before."""

HEARD_BY_THEN = 2
"""From this look on, one hour later, a provider that has never heard of a charge will not hear of it any more."""


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PROCESSING = "processing"
    REQUIRES_ACTION = "requires-action"
    UNKNOWN = "unknown"
    ATTENTION = "attention"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


_PROCESSING, _ACTION, _UNKNOWN, _ATTENTION, _SUCCEEDED, _FAILED, _CANCELLED = PaymentStatus

MACHINE = StateMachine(
    {
        "succeed": {_PROCESSING: _SUCCEEDED, _UNKNOWN: _SUCCEEDED},
        "fail": {_PROCESSING: _FAILED, _UNKNOWN: _FAILED},
        "require-action": {_PROCESSING: _ACTION},
        "lose-answer": {_PROCESSING: _UNKNOWN},
        "confirm": {_ACTION: _PROCESSING},
        "expire": {_ACTION: _CANCELLED},
        "give-up": {_UNKNOWN: _ATTENTION},
    },
    internal=frozenset({"succeed", "fail", "require-action", "lose-answer", "expire", "give-up"}),
)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a provider is asked for. The same key again means the same charge, never a second one."""

    key: str
    amount: Money
    method: str


@dataclass(frozen=True, slots=True)
class Captured:
    """The provider has the money."""

    ref: str


@dataclass(frozen=True, slots=True)
class Declined:
    """No money will come of this charge; `retryable`: the same method may be tried again."""

    ref: str | None
    code: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class ActionNeeded:
    """The buyer has to do something first."""

    ref: str


Answer = Captured | Declined | ActionNeeded

NEVER_HEARD = Declined(None, "not-received", retryable=True)


class ProviderSilent(Exception):
    """The provider did not answer in time: the charge may have been made or not."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no money came."""

    code: str
    retryable: bool


@dataclass(kw_only=True)
class Payment(Aggregate):
    """The aggregate root. `due_at` is when the worker has to go on with it, None when it is settled.

    `cause` is what asked for it, so that what comes of it later belongs to the same process.
    """

    number: str
    invoice_id: UUID
    amount: Money
    method: str
    provider: str
    refunded_amount: Money
    due_at: datetime | None
    provider_ref: str | None = None
    attempt: int = 1
    status: PaymentStatus = PaymentStatus.PROCESSING
    failure: Failure | None = None
    confirmed_at: datetime | None = None
    settled_at: datetime | None = None
    looks: int = 0
    cause: Cause = field(default_factory=current_cause)

    @property
    def charge(self) -> Charge:
        """What the provider is asked for in this attempt."""
        return Charge(f"{self.id}.{self.attempt}", self.amount, self.method)

    @property
    def allowed_actions(self) -> list[str]:
        """The commands an API caller may give now."""
        return MACHINE.allowed(self.status)

    @property
    def awaits_provider(self) -> bool:
        """Whether an answer of the provider still counts."""
        return MACHINE.accepts(self.status, "succeed")

    def succeed(self, ref: str, now: datetime) -> None:
        """The money is there."""
        self._move("succeed")
        self.provider_ref = ref
        self._end(now)

    def fail(self, declined: Declined, now: datetime) -> None:
        """It is certain that no money will come."""
        self._move("fail")
        self.provider_ref = declined.ref
        self.failure = Failure(declined.code, declined.retryable)
        self._end(now)

    def require_action(self, ref: str, now: datetime) -> None:
        """Wait for the buyer, a quarter of an hour."""
        self._move("require-action")
        self.provider_ref = ref
        self.due_at = now + ACTION_WITHIN

    def confirm(self, now: datetime) -> None:
        """The buyer has done his part."""
        self._move("confirm")
        self.confirmed_at = self.due_at = now

    def expire(self, now: datetime) -> None:
        """The buyer has not done his part."""
        self._move("expire")
        self._end(now)

    def look_again(self, now: datetime) -> None:
        """The provider said nothing: ask later what became of it, and at last call for a person."""
        if self.status is PaymentStatus.PROCESSING:
            self._move("lose-answer")
        else:
            self.looks += 1
        if self.looks < len(LOOK_AFTER):
            self.due_at = now + LOOK_AFTER[self.looks]
            return
        self._move("give-up")
        self.due_at = None

    def _move(self, command: str) -> None:
        self.status = MACHINE.next_state(self.status, command)

    def _end(self, now: datetime) -> None:
        self.settled_at, self.due_at = now, None
