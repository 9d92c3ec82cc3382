"""The rules of a payment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from billing_orders import NOW, euro
from promenade_billing.payment.entity import LOOK_AFTER, MACHINE, Declined, Failure, Payment, PaymentStatus
from promenade_chassis.ports import InvalidTransition, use_cause
from promenade_kernel.events.envelope import Cause

DECLINED = Declined("ref", "card-declined", retryable=True)


def payment(status: PaymentStatus = PaymentStatus.PROCESSING) -> Payment:
    return Payment(
        number="PAY-2026-000001",
        invoice_id=uuid4(),
        amount=euro(3000),
        refunded_amount=euro(0),
        method="pm_ok",
        provider="simulated",
        due_at=NOW,
        status=status,
    )


COMMANDS: dict[str, Callable[[Payment], None]] = {
    "succeed": lambda payment: payment.succeed("ref", NOW),
    "fail": lambda payment: payment.fail(DECLINED, NOW),
    "require-action": lambda payment: payment.require_action("ref", NOW),
    "confirm": lambda payment: payment.confirm(NOW),
    "expire": lambda payment: payment.expire(NOW),
}


@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_every_state(status: PaymentStatus, command: str) -> None:
    """The table decides: a command leads where it says, or is refused with what is allowed."""
    subject = payment(status)
    target = MACHINE.table[command].get(status)

    if target is not None:
        COMMANDS[command](subject)
        assert subject.status is target
        return

    with pytest.raises(InvalidTransition) as refused:
        COMMANDS[command](subject)
    assert refused.value.extra["allowed"] == subject.allowed_actions
    assert subject.status is status


def test_the_table_is_the_designs() -> None:
    """Every transition of the design, and no other."""
    moves = {(before, after) for table in MACHINE.table.values() for before, after in table.items()}

    assert moves == {
        ("processing", "succeeded"),
        ("processing", "failed"),
        ("processing", "requires-action"),
        ("processing", "unknown"),
        ("requires-action", "processing"),
        ("requires-action", "cancelled"),
        ("unknown", "succeeded"),
        ("unknown", "failed"),
        ("unknown", "attention"),
    }


@pytest.mark.parametrize("status", PaymentStatus)
def test_the_buyer_can_only_confirm(status: PaymentStatus) -> None:
    """What the provider says is nobody's command."""
    assert payment(status).allowed_actions == (["confirm"] if status is PaymentStatus.REQUIRES_ACTION else [])


@pytest.mark.parametrize("command", ["succeed", "fail"])
def test_what_is_settled_needs_nobody_any_more(command: str) -> None:
    """A settled payment is never taken up by the worker again."""
    subject = payment()

    COMMANDS[command](subject)

    assert (subject.due_at, subject.settled_at) == (None, NOW)


def test_a_failure_says_why_and_whether_to_try_again() -> None:
    """What the provider gave as its reason is kept."""
    subject = payment()

    subject.fail(DECLINED, NOW)

    assert subject.failure == Failure("card-declined", retryable=True)


def test_the_buyer_has_a_quarter_of_an_hour() -> None:
    """Until then the payment waits, then the worker takes it up; confirmed, it goes on at once."""
    subject = payment()
    subject.require_action("ref", NOW)
    assert subject.due_at == NOW + timedelta(minutes=15)

    subject.confirm(NOW)

    assert (subject.due_at, subject.confirmed_at) == (NOW, NOW)


def test_an_unknown_outcome_is_looked_up_ever_more_rarely_and_then_by_a_person() -> None:
    """After 1 min, 5 min, 1 h, then daily for a week."""
    subject, now, waits = payment(), NOW, []
    subject.look_again(now)
    while subject.due_at is not None:
        waits.append(subject.due_at - now)
        now = subject.due_at
        assert subject.status is PaymentStatus.UNKNOWN
        subject.look_again(now)

    minute = timedelta(minutes=1)
    assert waits == [minute, 5 * minute, 60 * minute, *[timedelta(days=1)] * 7] == list(LOOK_AFTER)
    assert subject.status is PaymentStatus.ATTENTION


def test_one_attempt_has_one_key() -> None:
    """However often the provider is asked, it is asked for the same charge."""
    subject = payment()
    before = subject.charge
    subject.require_action("ref", NOW)
    subject.confirm(NOW)

    assert subject.charge == before
    assert payment().charge.key != before.key


def test_what_comes_of_a_payment_belongs_to_the_process_that_asked_for_it() -> None:
    """The cause is remembered from the request to the worker."""
    cause = Cause(correlation_id="asked", causation_id="request", actor="ada")

    with use_cause(cause):
        subject = payment()

    assert subject.cause == cause
