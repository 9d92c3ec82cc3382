"""Batches over a book in memory: whatever comes in whatever order, each fact takes effect once, and in order."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from promenade_chassis.config import EventsSettings
from promenade_chassis.events.batches import items_of, rounds
from promenade_chassis.events.bus import Deliveries, Subscriptions
from promenade_chassis.events.outcome import DONE
from promenade_chassis.testing.batch_contract import alternating
from promenade_chassis.testing.bus_rig import CONTEXT
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserReinstated, UserSuspended
from promenade_kernel.values.ids import new_id

HASTY = EventsSettings(attempts=50, gap_wait_seconds=60)
PATIENT = EventsSettings(backoff_first_ms=60_000, backoff_cap_seconds=60)


@dataclass
class World:
    """A ledger, two reactions, and what they did; some calls fail by chance."""

    failures: Callable[[], bool]
    batch: bool
    alone: bool
    effects: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.ledger = InMemoryLedger(CONTEXT, HASTY, jitter=lambda: 0.0)
        self.subscriptions = Subscriptions(CONTEXT)
        self.subscriptions.add(
            UserSuspended, self.on_users_suspended if self.batch else self.on_user_suspended, batch=self.batch
        )
        self.subscriptions.add(UserReinstated, self.on_user_reinstated, alone=self.alone)

    async def on_users_suspended(self, batch: Deliveries[UserSuspended]) -> None:
        """Set-based."""
        for each in batch:
            self._act(each.envelope)
        self._fail()

    async def on_user_suspended(self, event: UserSuspended, envelope: Envelope) -> None:
        """One by one."""
        self._act(envelope)
        self._fail()

    async def on_user_reinstated(self, event: UserReinstated, envelope: Envelope) -> None:
        """The other event."""
        self._fail()
        self._act(envelope)

    def _act(self, envelope: Envelope) -> None:
        self.ledger.book.when_committed(lambda: self.effects[envelope.subject].append(envelope.sequence))

    def _fail(self) -> None:
        if self.failures():
            raise LookupError("by chance")

    async def deliver(self, envelopes: Sequence[Envelope]) -> list[Envelope]:
        """One batch; answers what is to be delivered again."""
        outcomes = await self.ledger.handle_all(envelopes, self.subscriptions) or [DONE] * len(envelopes)
        return [each for each, outcome in zip(envelopes, outcomes, strict=True) if outcome is not DONE]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    subjects=st.integers(1, 5),
    length=st.integers(1, 8),
    batch=st.booleans(),
    alone=st.booleans(),
    failing=st.sampled_from([0.0, 0.1, 0.5]),
)
async def test_any_order_of_delivery_has_the_same_effects(
    seed: int, subjects: int, length: int, batch: bool, alone: bool, failing: float
):
    """Shuffled, doubled, cut into batches anywhere, with failures: of each subject 1, 2, 3 …, each once."""
    chance = random.Random(seed)
    world = World(lambda: chance.random() < failing, batch, alone)
    histories = [alternating(new_id(), length) for _ in range(subjects)]
    waiting = [fact for each in histories for fact in each for _ in range(chance.randint(1, 2))]
    chance.shuffle(waiting)

    for _ in range(2_000):
        if not waiting:
            break
        size = chance.randint(1, len(waiting))
        waiting = waiting[size:] + await world.deliver(waiting[:size])

    assert not waiting
    assert dict(world.effects) == {each[0].subject: list(range(1, length + 1)) for each in histories}
    assert world.ledger.book.dead_letters == []


async def test_a_failure_costs_its_event_one_attempt_and_the_others_none():
    """What undid the batch is counted and not made again; what went before it acts together once more."""
    calls: list[int] = []
    # The whole of its pause: a shorter one may be over before the batch is.
    ledger, subscriptions = InMemoryLedger(CONTEXT, PATIENT, jitter=lambda: 1.0), Subscriptions(CONTEXT)
    facts = [alternating(new_id(), 1)[0] for _ in range(5)]

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        calls.append(facts.index(envelope))
        if envelope is facts[2]:
            raise LookupError("not this time")

    subscriptions.add(UserSuspended, on_user_suspended)
    outcomes = await ledger.handle_all(facts, subscriptions)

    assert calls == [0, 1, 2, 0, 1]
    assert outcomes is not None
    assert [outcome is DONE for outcome in outcomes] == [True, True, False, False, False]
    assert [standing.attempts for standing in (await _standings(ledger, facts[2])).values()] == [1]
    assert await _standings(ledger, facts[3]) == {}


def test_a_round_holds_one_kind_and_never_overtakes():
    """Set-based reactions get as much at once as the order of each subject allows."""
    subscriptions = Subscriptions(CONTEXT)

    async def on_users_suspended(batch: Deliveries[UserSuspended]) -> None: ...

    async def on_user_reinstated(event: UserReinstated, envelope: Envelope) -> None: ...

    subscriptions.add(UserSuspended, on_users_suspended, batch=True)
    subscriptions.add(UserReinstated, on_user_reinstated)
    histories = [alternating(new_id(), 4) for _ in range(3)]
    items = items_of([fact for each in histories for fact in each], subscriptions)

    shapes = [[item.envelope.sequence for item in together] for together in rounds(items)]

    assert shapes == [[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4]]


async def _standings(ledger: InMemoryLedger, fact: Envelope) -> dict[str, object]:
    async with ledger.book.begin():
        return dict(await ledger.book.standings(fact.id))
