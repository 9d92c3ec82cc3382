"""State machines as tables."""

from __future__ import annotations

from enum import StrEnum

import pytest
from promenade_chassis.ports import InvalidTransition, StateMachine


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    DARK = "dark"


MACHINE = StateMachine(
    {
        "go": {Light.RED: Light.GREEN},
        "stop": {Light.GREEN: Light.RED},
        "fail": {Light.RED: Light.DARK, Light.GREEN: Light.DARK},
        "blink": {Light.GREEN: Light.GREEN},
    },
    internal=frozenset({"fail"}),
)
PAIRS = [(state, command) for state in Light for command in MACHINE.table]
each_pair = pytest.mark.parametrize(("state", "command"), PAIRS)


@each_pair
def test_the_table_is_what_happens(state: Light, command: str) -> None:
    """Every command in every state leads where the table says, or is refused naming what is allowed."""
    target = MACHINE.table[command].get(state)

    if target is not None:
        assert MACHINE.next_state(state, command) is target
        return
    with pytest.raises(InvalidTransition) as refusal:
        MACHINE.next_state(state, command)
    assert (refusal.value.slug, refusal.value.status) == ("invalid-transition", 409)
    assert refusal.value.extra == {"state": state.value, "allowed": MACHINE.allowed(state)}


@each_pair
def test_allowed_is_exactly_what_is_accepted(state: Light, command: str) -> None:
    """What a caller is offered is what he may do next, and nothing that only we do."""
    offered = command in MACHINE.allowed(state)

    assert offered == (MACHINE.accepts(state, command) and command not in MACHINE.internal)


@pytest.mark.parametrize(
    ("state", "allowed"), [(Light.RED, ["go"]), (Light.GREEN, ["stop", "blink"]), (Light.DARK, [])]
)
def test_allowed_keeps_the_tables_order(state: Light, allowed: list[str]) -> None:
    """Clients see commands in the order they are written in."""
    assert MACHINE.allowed(state) == allowed


def test_a_command_that_is_not_in_the_table_is_a_mistake_of_ours() -> None:
    """A misspelt command is no conflict for a client to solve."""
    with pytest.raises(KeyError):
        MACHINE.next_state(Light.RED, "gone")
