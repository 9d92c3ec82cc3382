"""Several events in one transaction: subjects locked, reactions run, inbox rows and progress added."""

from __future__ import annotations

import time
from collections.abc import Sequence

from promenade_chassis.config import EventsSettings
from promenade_chassis.events.batches import Item, Run, choose, place_runs, rounds, runs_of
from promenade_chassis.events.book import Book
from promenade_chassis.events.bus import Subscription
from promenade_chassis.events.outcome import DONE
from promenade_chassis.events.reacting import Meters, Stopwatch, react

_TOGETHER_SECONDS = 0.05  # other transactions, requests among them, wait for what this one has locked


class ReactionFailed(Exception):
    """One reaction raised while one event was in its hand; nothing of the batch took effect."""

    def __init__(self, item: Item, subscription: Subscription, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.item = item
        self.subscription = subscription
        self.error = error


class Together:
    """The rules of a batch, over any book."""

    def __init__(self, book: Book, settings: EventsSettings, meters: Meters) -> None:
        self._book = book
        self._meters = meters
        self._gap_wait = settings.gap_wait_seconds

    async def settle(self, items: Sequence[Item]) -> None:
        """One transaction for all that have their turn; their outcome is set. What stays undecided must go alone.

        Whatever a reaction or the database raises is raised, and nothing took effect.
        """
        runs = runs_of(items)
        watch = Stopwatch(self._meters)
        async with self._book.begin(indivisible=True):
            await self._choose(runs, items, watch)
            await self._act([item for item in items if item.has_turn], watch)
            reached = [each for run in runs if run.position for each in [run.settle()] if each is not None]
            done = [(item.envelope.id, each.name) for item in items if item.acted for each in item.subscriptions]
            if done or reached:
                await self._book.settle_all(done, reached)
        watch.committed()

    async def _choose(self, runs: Sequence[Run], items: Sequence[Item], watch: Stopwatch) -> None:
        hopes = [run.hope for run in runs]
        locked = await self._book.lock_all(hopes, [item.envelope.id for item in items])
        place_runs(runs, hopes, locked)
        for run in runs:
            choose(run, locked.troubled, gap_wait=self._gap_wait, by_itself=len(items) == 1 and items[0].goes_alone)
        watch.duplicates = sum(1 for item in items if item.outcome is DONE and item.subscriptions)

    async def _act(self, turn: Sequence[Item], watch: Stopwatch) -> None:
        """Run the reactions; the transaction ends before it has lasted for long."""
        until = time.monotonic() + _TOGETHER_SECONDS
        for together in rounds(turn):
            if any(each.batch for each in together[0].subscriptions):
                await self._act_at_once(together, watch)
            elif not await self._act_in_turn(together, watch, until):
                return
            if time.monotonic() >= until:
                return

    async def _act_at_once(self, items: Sequence[Item], watch: Stopwatch) -> None:
        for subscription in items[0].subscriptions:
            await _call(subscription, items, watch)
        for item in items:
            item.acted = True

    async def _act_in_turn(self, items: Sequence[Item], watch: Stopwatch, until: float) -> bool:
        for item in items:
            for subscription in item.subscriptions:
                await _call(subscription, (item,), watch)
            item.acted = True
            if time.monotonic() >= until:
                return False
        return True


async def _call(subscription: Subscription, items: Sequence[Item], watch: Stopwatch) -> None:
    since = time.perf_counter()
    try:
        await react(subscription, [item.envelope for item in items])
    except Exception as error:
        if len(items) == 1:  # of several nobody knows which it was
            raise ReactionFailed(items[0], subscription, error) from error
        raise
    watch.took(subscription.name, len(items), since)
