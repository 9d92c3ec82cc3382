"""The lifecycle of a customer, from the one table that code, `allowed_actions` and these tests share."""

from __future__ import annotations

import random
from uuid import uuid4

import pytest
from promenade_chassis.ports import InvalidTransition
from promenade_customer_management.customer.entity import LIFECYCLE, Customer, Lifecycle
from promenade_kernel.events.customer_management import CustomerUpdated

WITH_REASON = {Lifecycle.DISQUALIFIED: "disqualified_reason", Lifecycle.CHURNED: "churn_reason"}
PAIRS = [(state, command) for state in Lifecycle for command in LIFECYCLE.table]
each_pair = pytest.mark.parametrize(("state", "command"), PAIRS)


def customer_in(state: Lifecycle) -> Customer:
    """A customer in a state, with the reason that state needs."""
    reason = {WITH_REASON[state]: "because"} if state in WITH_REASON else {}
    return Customer(name="Ada", lifecycle=state, **reason)  # type: ignore[arg-type]


def require_invariants(customer: Customer) -> None:
    """What the database checks too: a reason is there exactly in the state it belongs to."""
    for state, field in WITH_REASON.items():
        assert (getattr(customer, field) is not None) == (customer.lifecycle is state)
    assert customer.allowed_actions == [
        command for command in LIFECYCLE.table if command not in LIFECYCLE.internal and _accepts(customer, command)
    ]


def _accepts(customer: Customer, command: str) -> bool:
    probe = customer_in(customer.lifecycle)
    try:
        probe.move(command, "because")
    except InvalidTransition:
        return False
    return True


@each_pair
def test_a_command_does_what_the_table_says(state: Lifecycle, command: str) -> None:
    """Where the table has a way it is taken and told; elsewhere the command is refused, and nothing changes."""
    customer, target = customer_in(state), LIFECYCLE.table[command].get(state)
    before = repr(customer)

    if target is not None:
        assert customer.move(command, "because") is (target is not state)
        assert customer.lifecycle is target
        (told,) = customer.recorded()
        assert isinstance(told, CustomerUpdated)
        assert told.lifecycle == target.value
    else:
        with pytest.raises(InvalidTransition) as refusal:
            customer.move(command, "because")
        assert refusal.value.extra == {"state": state.value, "allowed": customer.allowed_actions}
        assert repr(customer) == before
        assert customer.recorded() == ()
    require_invariants(customer)


@pytest.mark.parametrize("fact", sorted(LIFECYCLE.internal))
@pytest.mark.parametrize("state", Lifecycle)
def test_a_fact_is_never_refused(state: Lifecycle, fact: str) -> None:
    """A fact moves the customer where the table says so, and leaves it alone elsewhere: it cannot be undone."""
    customer, target = customer_in(state), LIFECYCLE.table[fact].get(state)

    assert customer.learn(fact) is (target is not None)

    assert customer.lifecycle is (target or state)
    assert len(customer.recorded()) == (target is not None)
    require_invariants(customer)


@pytest.mark.parametrize(
    ("fact", "moved"),
    [
        ("order-placed", {"lead": "prospect"}),
        (
            "order-confirmed",
            {"lead": "customer", "prospect": "customer", "churned": "customer", "disqualified": "customer"},
        ),
    ],
)
def test_facts_win_over_hands(fact: str, moved: dict[str, str]) -> None:
    """Whoever has paid is a customer, whatever somebody thought of him; an order alone says less."""
    assert {state.value: target.value for state, target in LIFECYCLE.table[fact].items()} == moved


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("lead", ["qualify", "disqualify", "convert"]),
        ("prospect", ["disqualify", "convert"]),
        ("customer", ["churn"]),
        ("churned", ["convert", "reactivate"]),
        ("disqualified", ["recycle"]),
    ],
)
def test_the_actions_of_a_state_are_those_of_the_contract(state: str, allowed: list[str]) -> None:
    """The table, read once with eyes: what the API offers, and no fact among it."""
    assert customer_in(Lifecycle(state)).allowed_actions == allowed


def test_whoever_is_converted_by_hand_was_not_disqualified() -> None:
    """Only a fact makes a disqualified one a customer."""
    with pytest.raises(InvalidTransition):
        customer_in(Lifecycle.DISQUALIFIED).move("convert")


@pytest.mark.parametrize("seed", range(10))
def test_random_walks_keep_the_invariants(seed: int) -> None:
    """A thousand commands and facts in any order: states and reasons agree, and each change is told once."""
    walk = random.Random(seed)
    customer, told = customer_in(Lifecycle.LEAD), 0

    for _ in range(1000):
        command, before = walk.choice(list(LIFECYCLE.table)), customer.lifecycle
        if command in LIFECYCLE.internal:
            changed = customer.learn(command)
        elif command in customer.allowed_actions:
            changed = customer.move(command, str(uuid4()))
        else:
            with pytest.raises(InvalidTransition):
                customer.move(command, "because")
            changed = False
        told += changed
        assert (customer.lifecycle is not before) == changed
        require_invariants(customer)

    assert len(customer.recorded()) == told
    assert told > 100
