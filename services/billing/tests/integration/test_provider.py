"""What the port `PaymentProvider` promises: one suite, run against the fake and the simulated provider."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from billing_fakes import InMemoryProvider
from billing_orders import euro
from promenade_billing.payment.entity import ActionNeeded, Captured, Charge, Declined, ProviderSilent
from promenade_billing.payment.repository import PaymentProvider
from promenade_billing.payment.simulated import METHODS, KeyReused
from promenade_chassis.database import Database


@pytest.fixture(params=["memory", "simulated"])
def charging(request: pytest.FixtureRequest) -> PaymentProvider:
    if request.param == "memory":
        return InMemoryProvider()
    return request.getfixturevalue("provider")


def a_charge(method: str = "pm_ok", amount: int = 3000) -> Charge:
    return Charge(str(uuid4()), euro(amount), method)


def test_methods_are_known_by_name(charging: PaymentProvider) -> None:
    """All of the design, and no others."""
    assert set(METHODS) == {
        *("pm_ok", "pm_decline_soft", "pm_decline_hard", "pm_insufficient_funds", "pm_requires_action"),
        *("pm_timeout_then_ok", "pm_timeout_then_declined", "pm_unknown"),
    }
    assert all(charging.takes(method) for method in METHODS)
    assert not charging.takes("pm_gold")


async def test_the_same_key_is_the_same_charge(charging: PaymentProvider) -> None:
    """Asked again it gives the same answer, and finds it when looked up."""
    charge = a_charge()

    answers = [await charging.charge(charge), await charging.charge(charge), await charging.find(charge)]

    assert isinstance(answers[0], Captured)
    assert answers[1:] == answers[:1] * 2


async def test_another_key_is_another_charge(charging: PaymentProvider) -> None:
    """Each has a reference of its own."""
    first, second = await charging.charge(a_charge()), await charging.charge(a_charge())

    assert isinstance(first, Captured)
    assert isinstance(second, Captured)
    assert first.ref != second.ref


async def test_a_key_is_not_used_for_something_else(charging: PaymentProvider) -> None:
    """Another amount or method under the same key is a mistake of the caller's."""
    charge = a_charge()
    await charging.charge(charge)

    for other in (Charge(charge.key, euro(1), charge.method), Charge(charge.key, charge.amount, "pm_decline_soft")):
        with pytest.raises(KeyReused):
            await charging.charge(other)


@pytest.mark.parametrize(
    ("method", "code", "retryable"),
    [
        ("pm_decline_soft", "card-declined", True),
        ("pm_decline_hard", "card-lost", False),
        ("pm_insufficient_funds", "insufficient-funds", True),
    ],
)
async def test_declines_say_why(charging: PaymentProvider, method: str, code: str, retryable: bool) -> None:
    """With a code, and whether it is worth another try."""
    answer = await charging.charge(a_charge(method))

    assert isinstance(answer, Declined)
    assert (answer.code, answer.retryable) == (code, retryable)


async def test_an_action_is_needed_until_it_is_confirmed(charging: PaymentProvider) -> None:
    """Confirming twice captures once; what was never asked for cannot be confirmed."""
    charge = a_charge("pm_requires_action")

    needed = [await charging.charge(charge), await charging.charge(charge)]
    captured = [await charging.confirm(charge), await charging.confirm(charge), await charging.charge(charge)]

    assert all(isinstance(answer, ActionNeeded) for answer in needed)
    assert all(isinstance(answer, Captured) for answer in captured)
    assert len({answer.ref for answer in [*needed, *captured] if not isinstance(answer, Declined)}) == 1
    with pytest.raises(KeyReused):
        await charging.confirm(a_charge())


@pytest.mark.parametrize(("method", "kind"), [("pm_timeout_then_ok", Captured), ("pm_timeout_then_declined", Declined)])
async def test_a_lost_answer_can_be_looked_up(charging: PaymentProvider, method: str, kind: type) -> None:
    """The charge was booked although nothing was heard of it; asked again it is not booked again."""
    charge = a_charge(method)
    with pytest.raises(ProviderSilent):
        await charging.charge(charge)

    found = await charging.find(charge)

    assert isinstance(found, kind)
    assert await charging.charge(charge) == found


async def test_some_charges_stay_unknown(charging: PaymentProvider) -> None:
    """Neither asked again nor looked up is there an answer."""
    charge = a_charge("pm_unknown")

    for _ in range(2):
        with pytest.raises(ProviderSilent):
            await charging.charge(charge)
    with pytest.raises(ProviderSilent):
        await charging.find(charge)


async def test_what_never_arrived_is_not_found(charging: PaymentProvider) -> None:
    """None says that there is no such charge, not that nobody answered."""
    assert await charging.find(a_charge()) is None


async def test_parallel_questions_are_one_charge(charging: PaymentProvider) -> None:
    """Twenty at once under one key."""
    charge = a_charge()

    answers = await asyncio.gather(*(charging.charge(charge) for _ in range(20)))

    assert len(set(answers)) == 1


async def test_the_books_do_not_roll_back_with_the_caller(database: Database, provider: PaymentProvider) -> None:
    """The provider is another company: what it has booked stays booked when our transaction fails."""
    charge = a_charge()

    async def charge_and_fail() -> None:
        async with database.begin():
            await provider.charge(charge)
            raise LookupError

    with pytest.raises(LookupError):
        await charge_and_fail()

    assert isinstance(await provider.find(charge), Captured)
