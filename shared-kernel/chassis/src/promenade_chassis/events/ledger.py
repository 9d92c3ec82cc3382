"""The ledger of a consuming context: what took effect, in which order, and what failed. Exactly once is kept here.

The events of a batch that have their turn take effect in one transaction: it locks the progress rows of their
subjects, runs the reactions, adds the inbox rows and advances the progress. When anything in it fails all of it is
rolled back, and each of its events goes alone.

Alone means one transaction a reaction. It locks the subject's progress row, runs the reaction, adds the inbox row and,
with the event's last reaction, advances the progress. So several reactions to one event fail, wait and are
dead-lettered each for itself, what one has done stays done, and the subject moves on when all of them are settled.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.errors import PoisonMessage, UnknownEventType

from promenade_chassis.config import EventsSettings
from promenade_chassis.events.batches import AT_ONCE, Item, Key, first_together, items_of
from promenade_chassis.events.book import AlreadyDone, Book, Collision, DatabaseAway, DeadLetter, Standing
from promenade_chassis.events.bus import Subscription, Subscriptions
from promenade_chassis.events.outcome import DONE, Again, Outcome, Unpreceded
from promenade_chassis.events.place import Facts, Place, gap_pause, place_of, read_facts
from promenade_chassis.events.reacting import Meters, Stopwatch, Uncounted, ids_of, react
from promenade_chassis.events.retry import RetryPolicy, not_yet_delay
from promenade_chassis.events.together import ReactionFailed, Together
from promenade_chassis.ports import NotYet, PermanentError

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

UNREADABLE = "*"
"""The reaction named in the dead letter of an entry that is no envelope: nobody could be asked."""

_HOPELESS = (PermanentError, PoisonMessage, UnknownEventType)
_PATIENCE = 3600.0
_COLLISIONS = 5  # so often it is chance that two transactions wait for each other, and no attempt
_AFTER_A_FAULT = Again(1.0)
_GATHER_SECONDS = 0.02


class Ledger(Protocol):
    """What a bus needs of it."""

    @property
    def gather_seconds(self) -> float:
        """How long a lane lets gather, under load, what it then hands over together."""
        ...

    async def handle(
        self, envelope: Envelope, subscriptions: Sequence[Subscription], *, adopt: bool = False
    ) -> Outcome:
        """Let these reactions take effect once, if it is the event's turn. Raises `DatabaseAway`."""
        ...

    async def handle_all(self, envelopes: Sequence[Envelope], subscriptions: Subscriptions) -> Sequence[Outcome] | None:
        """Let the reactions to a batch take effect, of each subject in order; None: all is done.

        Raises `DatabaseAway`; some may have taken effect by then.
        """
        ...

    async def bury(self, raw: bytes, reason: str) -> Outcome:
        """Dead-letter an entry that is no envelope. Raises `DatabaseAway`."""
        ...


@dataclass(slots=True)
class _Delivery:
    envelope: Envelope
    facts: Facts
    subscriptions: Sequence[Subscription]
    adopt: bool
    running: Subscription | None = None
    watch: Stopwatch | None = None


class BookLedger:
    """The rules of the ledger, over any book."""

    gather_seconds = _GATHER_SECONDS

    def __init__(
        self,
        book: Book,
        context: str,
        settings: EventsSettings,
        *,
        jitter: Callable[[], float] = random.random,
        meters: Meters | None = None,
    ) -> None:
        self._book = book
        self._meters = meters or Uncounted()
        self._together = Together(book, settings, self._meters)
        self._policy = RetryPolicy.of(settings)
        self._gap_wait = settings.gap_wait_seconds
        self._jitter = jitter
        self._context = context

    async def handle(
        self, envelope: Envelope, subscriptions: Sequence[Subscription], *, adopt: bool = False
    ) -> Outcome:
        """See `Ledger.handle`."""
        delivery = _Delivery(envelope, Facts.of(envelope), subscriptions, adopt)
        collisions = 0
        while True:
            delivery.running = delivery.watch = None
            try:
                outcome = await self._turn(delivery)
                if delivery.watch:
                    delivery.watch.committed()
            except AlreadyDone:
                continue
            except DatabaseAway:
                raise
            except Exception as error:
                if isinstance(error, Collision) and collisions < _COLLISIONS:
                    collisions += 1
                    continue
                if delivery.running is None:
                    raise
                await self._fail(delivery, delivery.running, error)
                continue
            if outcome is not None:
                return outcome

    async def handle_all(self, envelopes: Sequence[Envelope], subscriptions: Subscriptions) -> Sequence[Outcome] | None:
        """See `Ledger.handle_all`."""
        items = items_of(envelopes, subscriptions)
        await self._settle(items)
        outcomes = [item.outcome or AT_ONCE for item in items]
        return None if all(outcome is DONE for outcome in outcomes) else outcomes

    async def _settle(self, items: Sequence[Item]) -> None:
        """Decide the outcome of every event of a batch."""
        await self._try_together(first_together(items))
        await self._alone(items)

    async def _try_together(self, items: Sequence[Item]) -> None:
        """One transaction for these; what stays undecided has to be handled reaction by reaction."""
        if not items:
            return
        try:
            await self._together.settle(items)
        except DatabaseAway:
            raise
        except ReactionFailed as failure:
            self._undone(items, failure)
            await self._settle_around(items, failure)
        except Exception as error:
            self._undone(items, error)

    async def _settle_around(self, items: Sequence[Item], failure: ReactionFailed) -> None:
        """What went before the event that failed together once more, that event alone, the others next time.

        The failure that undid the batch was an attempt; it is counted, not made again.
        """
        place = items.index(failure.item)
        before, culprit = items[:place], failure.item
        if before:
            await self._settle(before)
        if all(item.outcome is DONE for item in before if item.key == culprit.key):
            delivery = _Delivery(culprit.envelope, Facts.of(culprit.envelope), culprit.subscriptions, adopt=False)
            await self._fail(delivery, failure.subscription, failure.error)
            culprit.outcome = await self.handle(culprit.envelope, culprit.subscriptions)
        for item in items[place:]:
            item.outcome = item.outcome or AT_ONCE

    async def _alone(self, items: Sequence[Item]) -> None:
        """What is undecided, one transaction an event; nothing acts before what its subject waits for."""
        waiting: set[Key] = set()
        for item in items:
            if item.outcome is None:
                item.outcome = AT_ONCE if item.key in waiting else await self._by_itself(item)
            if item.outcome is not DONE:
                waiting.add(item.key)

    async def _by_itself(self, item: Item) -> Outcome:
        if item.goes_alone:  # a batch of one takes fewer statements
            await self._try_together([item])
        return item.outcome or await self.handle(item.envelope, item.subscriptions)

    def _undone(self, items: Sequence[Item], error: Exception) -> None:
        logger.debug("batch.undone", context=self._context, events=len(items), error=_text(error)[:200])
        for item in items:
            item.outcome, item.has_turn, item.acted = None, False, False

    async def bury(self, raw: bytes, reason: str) -> Outcome:
        """See `Ledger.bury`. When its place can be read it keeps it, so that its subject goes on."""
        facts = read_facts(raw)
        async with self._book.begin():
            if facts is not None:
                position = await self._book.lock(facts.source, facts.subject)
                place = place_of(facts.sequence, position, gap_wait=self._gap_wait, adopt=False)
                if place is Place.AHEAD or (place is Place.UNPRECEDED and position.stood_for < _PATIENCE):
                    return Again(gap_pause(position))
                if place is Place.NEXT:
                    await self._book.advance(facts.source, facts.subject, facts.sequence)
            await self._book.bury(DeadLetter(UNREADABLE, facts, raw, reason))
        known = facts.ids() if facts else {}
        logger.error("event.dead-lettered", context=self._context, reaction=UNREADABLE, **known)
        return DONE

    async def _turn(self, delivery: _Delivery) -> Outcome | None:
        """One transaction: at most one reaction runs. None: there is more to do."""
        async with self._book.begin():
            place = await self._place(delivery)
            if not isinstance(place, Place):
                return place
            unsettled, standings = await self._unsettled(delivery, place)
            if unsettled:
                due = next((each for each in unsettled if standings[each.name].wait <= 0), None)
                if due is None:
                    return Again(min(standings[each.name].wait for each in unsettled))
                delivery.running = due
                await self._react(delivery, due)
            if len(unsettled) > 1:
                return None
            await self._pass(delivery, place)
            return DONE

    async def _place(self, delivery: _Delivery) -> Place | Again | Unpreceded:
        """NEXT or BEHIND with the subject's progress locked; the others wait."""
        facts = delivery.facts
        position = await self._book.lock(facts.source, facts.subject)
        place = place_of(facts.sequence, position, gap_wait=self._gap_wait, adopt=delivery.adopt)
        if place is Place.AHEAD:
            return Again(gap_pause(position))
        if place is Place.UNPRECEDED:
            return Unpreceded()
        if place is Place.NEXT and facts.sequence != position.last + 1:
            logger.warning("subject.adopted", context=self._context, sequence=facts.sequence, **facts.ids())
        return place

    async def _pass(self, delivery: _Delivery, place: Place) -> None:
        facts = delivery.facts
        if place is Place.NEXT:
            await self._book.advance(facts.source, facts.subject, facts.sequence)

    async def _unsettled(self, delivery: _Delivery, place: Place) -> tuple[list[Subscription], Mapping[str, Standing]]:
        """The reactions still to be settled, and how each stands. Behind the progress none: it is a duplicate."""
        envelope, subscriptions = delivery.envelope, delivery.subscriptions
        if not subscriptions:
            return [], {}
        if place is Place.BEHIND:
            self._meters.duplicates(1)
            return [], {}
        known = await self._book.standings(envelope.id)
        standings = {each.name: known.get(each.name, Standing()) for each in subscriptions}
        return [each for each in subscriptions if not standings[each.name].settled], standings

    async def _react(self, delivery: _Delivery, subscription: Subscription) -> None:
        envelope = delivery.envelope
        delivery.watch = Stopwatch(self._meters)
        since = time.perf_counter()
        await react(subscription, [envelope])
        delivery.watch.took(subscription.name, 1, since)
        await self._book.remember(envelope.id, subscription.name)

    async def _fail(self, delivery: _Delivery, failed: Subscription, error: Exception) -> None:
        """Let it wait, or give it up and move on: in a transaction of its own."""
        async with self._book.begin():
            place = await self._place(delivery)
            if not isinstance(place, Place):
                return
            unsettled, standings = await self._unsettled(delivery, place)
            if failed not in unsettled:
                return
            given_up = await self._count(delivery.envelope, failed, standings[failed.name], error)
            if given_up and len(unsettled) == 1:
                await self._pass(delivery, place)

    async def _count(self, envelope: Envelope, failed: Subscription, standing: Standing, error: Exception) -> bool:
        """Write down a failure; answers whether it was the last one."""
        attempts = standing.attempts + (0 if isinstance(error, NotYet) else 1)
        if not isinstance(error, NotYet):
            self._meters.failed(failed.name)
        if isinstance(error, NotYet):
            delay = not_yet_delay(standing.waited)
        elif isinstance(error, _HOPELESS) or self._policy.is_exhausted(attempts):
            await self._give_up(envelope, failed, attempts, error)
            return True
        else:
            delay = self._policy.delay(attempts, self._jitter)
        await self._book.postpone(envelope.id, failed.name, attempts=attempts, delay=delay, error=_text(error))
        say = logger.debug if isinstance(error, NotYet) else logger.warning
        say("reaction.postponed", **_ids(envelope, failed), error=_name(error), attempts=attempts, seconds=delay)
        return False

    async def _give_up(self, envelope: Envelope, failed: Subscription, attempts: int, error: Exception) -> None:
        trace = "".join(traceback.format_exception(error))
        letter = DeadLetter(failed.name, Facts.of(envelope), envelope.encode(), _text(error), attempts, trace)
        await self._book.bury(letter)
        self._meters.dead(failed.name)
        logger.error("event.dead-lettered", **_ids(envelope, failed), error=_name(error), attempts=attempts)


def _name(error: Exception) -> str:
    return type(error).__name__


def _text(error: Exception) -> str:
    return f"{_name(error)}: {error}"


def _ids(envelope: Envelope, subscription: Subscription) -> dict[str, str]:
    return {**ids_of(envelope), "reaction": subscription.name}
