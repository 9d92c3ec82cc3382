"""Which events of a batch can take effect in one transaction, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Envelope

from promenade_chassis.events.book import Locked, Reached
from promenade_chassis.events.bus import Subscription, Subscriptions
from promenade_chassis.events.outcome import DONE, Again, Outcome, Unpreceded
from promenade_chassis.events.place import Place, Position, gap_pause, place_of

AT_ONCE = Again(0.0)
"""It would have been its turn; the next transaction goes on with it."""

Key = tuple[str, int]


class Item(msgspec.Struct, eq=False):
    """One event of a batch. `outcome` is None until something is decided; what stays None goes alone."""

    envelope: Envelope
    key: Key
    subscriptions: tuple[Subscription, ...]
    outcome: Outcome | None = None
    has_turn: bool = False
    acted: bool = False

    @property
    def goes_alone(self) -> bool:
        """Whether it has a transaction of its own by its nature, one for all that is done about it."""
        return len(self.subscriptions) == 1 and self.subscriptions[0].alone


class Run(msgspec.Struct, eq=False):
    """The events of one subject, in order.

    Attributes:
        position: where the subject stands; None when it could not be locked.
        stored: the sequence in its row, which is more than the position when it was entered with a hope.
        turn: those that can take effect in this transaction.
    """

    items: list[Item]
    turn: list[Item]
    position: Position | None = None
    stored: int = 0

    @property
    def hope(self) -> Reached:
        """What the subject reaches if it was never seen before and all goes well."""
        first = self.items[0].envelope
        sequence = 0
        for item in self.items:
            if item.envelope.sequence != sequence + 1:
                break
            sequence += 1
        return Reached(first.source, first.subject, sequence)

    def settle(self) -> Reached | None:
        """Say of the turn what is done; answers what is to be written of the subject's progress."""
        assert self.position is not None  # noqa: S101 - only a locked run has a turn
        reached = self.position.last
        for item in self.turn:
            if item.subscriptions and not item.acted:
                item.outcome = AT_ONCE
                break
            item.outcome = DONE
            reached = item.envelope.sequence
        first = self.items[0].envelope
        return None if reached == self.stored else Reached(first.source, first.subject, reached)


def items_of(envelopes: Iterable[Envelope], subscriptions: Subscriptions) -> list[Item]:
    """The batch, undecided."""
    of = subscriptions.of
    return [Item(each, (each.source, each.subject.int), of(each.type)) for each in envelopes]


def first_together(items: Sequence[Item]) -> list[Item]:
    """What can share a transaction: all but what goes alone by its nature, and what follows that of its subject."""
    held: set[Key] = set()
    chosen: list[Item] = []
    for item in items:
        if item.goes_alone:
            held.add(item.key)
        elif item.key not in held:
            chosen.append(item)
    return chosen


def runs_of(items: Iterable[Item]) -> list[Run]:
    """The batch by subject."""
    runs: dict[Key, Run] = {}
    for item in items:
        run = runs.get(item.key)
        if run is None:
            runs[item.key] = Run([item], [])
        else:
            run.items.append(item)
    return list(runs.values())


def place_runs(runs: Sequence[Run], hopes: Sequence[Reached], locked: Locked) -> None:
    """Note where each subject stands."""
    for run, hope, position, entered in zip(runs, hopes, locked.positions, locked.entered, strict=True):
        run.position = position
        if position is not None:
            run.stored = hope.sequence if entered else position.last


def choose(run: Run, troubled: Collection[UUID], *, gap_wait: float, by_itself: bool = False) -> None:
    """Find what of a subject has its turn. The first event that has to wait, or must go alone, ends it.

    `troubled` are the events that failed before, wait, or were given up in part: those go alone. `by_itself`: it is
    the only event of the transaction.
    """
    if run.position is None:
        run.items[0].outcome = AT_ONCE
        return
    last = run.position.last
    for item in run.items:
        envelope = item.envelope
        if envelope.sequence == last + 1:
            if envelope.id in troubled or (not by_itself and any(each.alone for each in item.subscriptions)):
                return
            run.turn.append(item)
            item.has_turn = True
            last = envelope.sequence
        elif envelope.sequence > last:
            item.outcome = _wait(envelope.sequence, run.position, last, gap_wait)
            return
        elif run.turn and run.turn[-1].envelope.sequence == envelope.sequence:
            item.subscriptions, item.has_turn = (), True  # the same once more: done when the one before it is
            run.turn.append(item)
        else:
            item.outcome = DONE


def _wait(sequence: int, position: Position, last: int, gap_wait: float) -> Outcome:
    reached = Position(last, position.stood_for)
    place = place_of(sequence, reached, gap_wait=gap_wait, adopt=False)
    return Unpreceded() if place is Place.UNPRECEDED else Again(gap_pause(reached))


def rounds(items: Sequence[Item]) -> Iterator[list[Item]]:
    """The order in which events act: as they came; those of a set-based reaction together as far as order allows.

    No event acts before an earlier one of its subject. Of several reactions to one event each sees a subject once a
    round, so that the next event comes after all of them.
    """
    waiting = [item for item in items if item.subscriptions]
    while waiting:
        lead = waiting[0].subscriptions
        if not any(each.batch for each in lead):
            several = [item for item in waiting if any(each.batch for each in item.subscriptions)]
            if not several:
                yield waiting
                return
        this: list[Item] = []
        later: list[Item] = []
        held: set[Key] = set()
        for item in waiting:
            if item.subscriptions is lead and item.key not in held:
                this.append(item)
                if len(lead) > 1:
                    held.add(item.key)
            else:
                later.append(item)
                held.add(item.key)
        yield this
        waiting = later
