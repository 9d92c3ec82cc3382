"""State machines as tables: the code that runs, the tests and `allowed_actions` read the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Generic, TypeVar

from promenade_chassis.ports.errors import InvalidTransition

State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True)
class StateMachine(Generic[State]):
    """`table[command]` maps each state the command is possible in to the state it leads to.

    `internal` names commands that no API caller gives (timers, events): never in `allowed_actions`.
    """

    table: Mapping[str, Mapping[State, State]]
    internal: frozenset[str] = frozenset()

    def next_state(self, state: State, command: str) -> State:
        """The state `command` leads to; raises `InvalidTransition` naming the allowed commands."""
        target = self.table[command].get(state)
        if target is None:
            raise InvalidTransition(state.value, command, self.allowed(state))
        return target

    def accepts(self, state: State, command: str) -> bool:
        """Whether `command` is possible in `state`."""
        return state in self.table[command]

    def allowed(self, state: State) -> list[str]:
        """The commands an API caller may give in `state`, in the table's order."""
        return [*self._allowed.get(state, ())]

    @cached_property
    def _allowed(self) -> Mapping[State, tuple[str, ...]]:
        """By state: a list asks for it once a row."""
        given = {name: moves for name, moves in self.table.items() if name not in self.internal}
        states = {state for moves in given.values() for state in moves}
        return {state: tuple(name for name, moves in given.items() if state in moves) for state in states}
