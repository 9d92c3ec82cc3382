"""A ledger without a database: for a bus whose reactions write to none, in tests and tools.

Order, once, retry and giving up are those of the ledger with a database; what it knows lasts as long as the process.
It relies on the lanes: of one subject one event at a time.
"""

from __future__ import annotations

import random
import time
import traceback
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.errors import PoisonMessage, UnknownEventType

from promenade_chassis.config import EventsSettings
from promenade_chassis.events.batches import AT_ONCE
from promenade_chassis.events.book import DeadLetter
from promenade_chassis.events.bus import Subscription, Subscriptions
from promenade_chassis.events.outcome import DONE, Again, Outcome, Unpreceded
from promenade_chassis.events.place import Facts, Place, Position, gap_pause, place_of, read_facts
from promenade_chassis.events.reacting import ids_of, react
from promenade_chassis.events.retry import RetryPolicy, not_yet_delay
from promenade_chassis.ports import NotYet, PermanentError

logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

_HOPELESS = (PermanentError, PoisonMessage, UnknownEventType)
_LETTERS_KEPT = 1_000


@dataclass(slots=True)
class _Trouble:
    """An event under way that has failed, or has several reactions of which some are settled."""

    settled: set[str] = field(default_factory=set[str])
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    due_at: dict[str, float] = field(default_factory=dict[str, float])
    since: float = field(default_factory=time.monotonic)


class _Counted:
    """Events one after the other; says how many have been begun."""

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self._envelopes = envelopes
        self.begun = 0

    def __iter__(self) -> Iterator[Envelope]:
        for envelope in self._envelopes:
            self.begun += 1
            yield envelope


class VolatileLedger:
    """The ledger of one context in the memory of the process. The newest dead letters are kept to be looked at."""

    gather_seconds = 0.0

    def __init__(
        self,
        context: str,
        settings: EventsSettings | None = None,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        chosen = settings or EventsSettings()
        self.dead_letters: deque[DeadLetter] = deque(maxlen=_LETTERS_KEPT)
        self._context = context
        self._policy = RetryPolicy.of(chosen)
        self._gap_wait = chosen.gap_wait_seconds
        self._jitter = jitter
        self._reached: defaultdict[str, dict[int, int]] = defaultdict(dict)  # by source and subject
        self._first_seen: dict[tuple[str, int], float] = {}
        self._troubles: dict[int, _Trouble] = {}

    async def handle_all(self, envelopes: Sequence[Envelope], subscriptions: Subscriptions) -> Sequence[Outcome] | None:
        """See `Ledger.handle_all`: neighbours of one type are handed over together."""
        outcomes: list[Outcome] = []
        start = 0
        while start < len(envelopes):
            wanted = subscriptions.of(envelopes[start].type)
            end = self._end_of_turn(envelopes, start, wanted)
            turn = envelopes[start:end] if start or end < len(envelopes) else envelopes
            if turn and await self._all_went_well(turn, wanted):
                outcomes += [DONE] * len(turn)
            else:
                end = max(end, start + 1)
                outcomes += [await self.handle(each, wanted) for each in envelopes[start:end]]
            start = end
        return None if outcomes.count(DONE) == len(outcomes) else outcomes

    async def handle(
        self, envelope: Envelope, subscriptions: Sequence[Subscription], *, adopt: bool = False
    ) -> Outcome:
        """See `Ledger.handle`."""
        source, subject = envelope.source, envelope.subject.int
        last = self._reached[source].get(subject, 0)
        first_seen = self._first_seen.setdefault((source, subject), time.monotonic())
        position = Position(last, time.monotonic() - first_seen)
        place = place_of(envelope.sequence, position, gap_wait=self._gap_wait, adopt=adopt)
        if place is Place.AHEAD:
            return Again(gap_pause(position))
        if place is Place.UNPRECEDED:
            return Unpreceded()
        if place is Place.BEHIND:
            return DONE
        outcome = await self._settle(envelope, subscriptions)
        if outcome is DONE:
            self._reached[source][subject] = envelope.sequence
        return outcome

    async def bury(self, raw: bytes, reason: str) -> Outcome:
        """See `Ledger.bury`."""
        facts = read_facts(raw)
        if facts is not None:
            last = self._reached[facts.source].get(facts.subject.int, 0)
            if facts.sequence > last + 1:
                return Again(gap_pause(Position(last, 0.0)))
            self._reached[facts.source][facts.subject.int] = max(facts.sequence, last)
        self.dead_letters.append(DeadLetter("*", facts, raw, reason))
        return DONE

    def _end_of_turn(self, envelopes: Sequence[Envelope], start: int, wanted: tuple[Subscription, ...]) -> int:
        """How far events of one type simply come next, each of its subject; they are noted as passed."""
        if self._troubles or len(wanted) > 1:
            return start
        first = envelopes[start]
        source, kind = first.source, first.type
        reached = self._reached[source]
        for index in range(start, len(envelopes)):
            envelope = envelopes[index]
            subject = envelope.subject.int
            following = reached.get(subject, 0) + 1
            if following != envelope.sequence or envelope.type != kind or envelope.source != source:
                return index
            reached[subject] = following
        return len(envelopes)

    async def _all_went_well(self, envelopes: Sequence[Envelope], wanted: Sequence[Subscription]) -> bool:
        """Let the reaction act; when it fails what it did not do is no longer noted as passed."""
        if not wanted:
            return True
        turn = envelopes if wanted[0].batch else _Counted(envelopes)
        try:
            await react(wanted[0], turn)
        except Exception as error:
            failed = envelopes[turn.begun - 1 :] if isinstance(turn, _Counted) else envelopes
            passed = {each.subject.int: each.sequence - 1 for each in reversed(failed)}
            self._reached[failed[0].source].update(passed)
            if not wanted[0].batch or len(failed) == 1:  # of several nobody knows which it was
                self._fail(failed[0], wanted[0], error)
            return False
        return True

    async def _settle(self, envelope: Envelope, subscriptions: Sequence[Subscription]) -> Outcome:
        """Run the reactions that are due; each stands and falls for itself."""
        for subscription in subscriptions:
            trouble = self._troubles.get(envelope.id.int)
            if trouble is not None and subscription.name in trouble.settled:
                continue
            wait = 0.0 if trouble is None else trouble.due_at.get(subscription.name, 0.0) - time.monotonic()
            if wait > 0:
                return Again(wait)
            try:
                await react(subscription, (envelope,))
            except Exception as error:
                self._fail(envelope, subscription, error)
                return AT_ONCE
            self._trouble_of(envelope).settled.add(subscription.name)
        self._troubles.pop(envelope.id.int, None)
        return DONE

    def _fail(self, envelope: Envelope, failed: Subscription, error: Exception) -> None:
        """Count an attempt; after the last one the event is given up."""
        trouble = self._trouble_of(envelope)
        attempts = trouble.attempts.get(failed.name, 0) + (0 if isinstance(error, NotYet) else 1)
        trouble.attempts[failed.name] = attempts
        if isinstance(error, NotYet):
            delay = not_yet_delay(time.monotonic() - trouble.since)
        elif isinstance(error, _HOPELESS) or self._policy.is_exhausted(attempts):
            trouble.settled.add(failed.name)
            trace = "".join(traceback.format_exception(error))
            reason = f"{type(error).__name__}: {error}"
            letter = DeadLetter(failed.name, Facts.of(envelope), envelope.encode(), reason, attempts, trace)
            self.dead_letters.append(letter)
            logger.error("event.dead-lettered", reaction=failed.name, error=type(error).__name__, **ids_of(envelope))
            return
        else:
            delay = self._policy.delay(attempts, self._jitter)
        trouble.due_at[failed.name] = time.monotonic() + delay

    def _trouble_of(self, envelope: Envelope) -> _Trouble:
        return self._troubles.setdefault(envelope.id.int, _Trouble())
