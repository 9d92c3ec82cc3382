"""What every bus promises with every ledger. A test module inherits it and gives the fixture `rig`."""

# ruff: noqa: S101 - tests, to be inherited

from __future__ import annotations

import asyncio
from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Cause, Envelope
from promenade_kernel.events.identity import UserDeleted, UserSuspended
from promenade_kernel.values.ids import new_id

from promenade_chassis.ports import current_cause
from promenade_chassis.testing.bus_rig import QUICK, BusRig, history, settled
from promenade_chassis.testing.events import in_turns, retyped, sealed
from promenade_chassis.testing.polling import eventually, stretched


class BusContract:
    """Order, exactly once, and what is not reacted to."""

    async def test_effects_follow_the_order_of_the_facts(self, rig: BusRig):
        """Of each subject, whatever the others do meanwhile."""
        await rig.start(_yielding)
        histories = [history(8) for _ in range(6)]

        await rig.deliver(in_turns(*histories))

        for each in histories:
            assert await rig.effects_on(each[0].subject) == list(range(1, 9))

    async def test_subjects_are_handled_concurrently(self, rig: BusRig):
        """One that is slow does not hold up all the others."""
        slow, others = history(1)[0], [history(1)[0] for _ in range(24)]
        going_on = asyncio.Event()

        async def wait_if_slow(envelope: Envelope) -> None:
            if envelope.id == slow.id:
                await going_on.wait()

        await rig.start(wait_if_slow)
        receipt = await rig.bus.publish([slow, *others])
        await eventually(lambda: _handled_without(rig, slow))
        going_on.set()
        await settled(receipt)

        assert len(await rig.books.effects()) == 25

    async def test_what_is_delivered_twice_takes_effect_once(self, rig: BusRig):
        """At once again, or after all was done."""
        await rig.start()
        facts = history(5)

        await rig.deliver([each for fact in facts for each in (fact, fact)])
        await rig.deliver(facts)

        assert await rig.effects_on(facts[0].subject) == [1, 2, 3, 4, 5]

    async def test_a_missing_event_is_waited_for(self, rig: BusRig):
        """The third does not act before the second, however late that comes."""
        await rig.start()
        first, second, third = history(3)
        await rig.deliver([first])

        waiting = await rig.bus.publish([third])
        await rig.deliver(history(4))
        before = await rig.effects_on(first.subject)
        await rig.deliver([second])
        await settled(waiting)

        assert before == [1]
        assert await rig.effects_on(first.subject) == [1, 2, 3]

    async def test_a_subject_first_seen_in_the_middle_is_adopted_after_a_wait(self, rig: BusRig):
        """Its past may have been trimmed before this context first listened."""
        await rig.start()
        facts = history(3, start=5)

        began = asyncio.get_running_loop().time()
        await rig.deliver(facts)

        assert asyncio.get_running_loop().time() - began >= QUICK.gap_wait_seconds
        assert await rig.effects_on(facts[0].subject) == [5, 6, 7]

    async def test_types_nobody_reacts_to_take_their_turn(self, rig: BusRig):
        """One this context ignores and one this kernel does not know leave no gap behind."""
        await rig.start()
        first, second, third, fourth = history(4)
        ignored = sealed(UserDeleted(user_id=second.subject), subject=second.subject, sequence=2)

        await rig.deliver([first, ignored, retyped(third, "user.renamed.v1"), fourth])

        assert await rig.effects_on(first.subject) == [1, 4]

    async def test_a_fact_in_two_forms_takes_effect_once(self, rig: BusRig):
        """Whichever form comes first; the one that is not subscribed to does not push the other aside."""
        await rig.start()
        newer_last, newer_first = (
            [msgspec.structs.replace(fact, forms="2,1") for fact in history(2)] for _ in range(2)
        )

        await rig.deliver([form for fact in newer_last for form in (fact, retyped(fact, "user.suspended.v2"))])
        await rig.deliver([form for fact in newer_first for form in (retyped(fact, "user.suspended.v2"), fact)])

        assert await rig.effects_on(newer_last[0].subject) == [1, 2]
        assert await rig.effects_on(newer_first[0].subject) == [1, 2]

    async def test_the_form_that_is_read_keeps_its_turn(self, rig: BusRig):
        """A newer form that nobody here reads comes long before: the facts still act in order, each once."""
        await rig.start()
        facts = [msgspec.structs.replace(fact, forms="2,1") for fact in history(3)]
        await rig.deliver([retyped(facts[0], "user.suspended.v2"), facts[0]])
        await rig.deliver([retyped(fact, "user.suspended.v2") for fact in facts[1:]])

        early = await rig.bus.publish([facts[2]])
        await rig.deliver([history(1)[0] for _ in range(20)])
        await rig.deliver([facts[1]])
        await settled(early)

        assert await rig.effects_on(facts[0].subject) == [1, 2, 3]

    async def test_what_follows_from_an_event_is_caused_by_it(self, rig: BusRig):
        """Same process, caused by the event, on behalf of the same actor."""
        seen: list[Cause] = []

        async def look(envelope: Envelope) -> None:
            seen.append(current_cause())

        await rig.start(look)
        subject, actor = new_id(), str(new_id())
        cause = Cause(correlation_id="a process", causation_id="a request", traceparent="00-1-2-01", actor=actor)
        event = sealed(UserSuspended(user_id=subject), subject=subject, cause=cause)

        await rig.deliver([event])

        assert seen == [Cause("a process", str(event.id), "00-1-2-01", actor)]

    async def test_close_finishes_what_is_in_flight(self, rig: BusRig):
        """Nothing that was taken is dropped within the deadline."""
        await rig.start(_yielding)
        receipt = await rig.bus.publish([history(1)[0] for _ in range(60)])
        await eventually(lambda: _some_effect(rig))

        await rig.bus.close(stretched(15))

        assert len(await rig.books.effects()) == 60
        assert receipt is not None

    async def test_close_keeps_its_deadline(self, rig: BusRig):
        """A reaction that never ends does not keep the process; its effect is not half there."""
        entered = asyncio.Event()

        async def never_end(envelope: Envelope) -> None:
            entered.set()
            await asyncio.Event().wait()

        await rig.start(never_end)
        await rig.bus.publish(history(1))
        async with asyncio.timeout(stretched(5)):
            await entered.wait()

        began = asyncio.get_running_loop().time()
        await rig.bus.close(0.1)

        assert asyncio.get_running_loop().time() - began < stretched(5)
        assert await rig.books.effects() == []


async def _yielding(envelope: Envelope) -> None:
    await asyncio.sleep(0.001 * (envelope.sequence % 3))


async def _handled_without(rig: BusRig, slow: Envelope) -> None:
    subjects: set[UUID] = {subject for subject, _ in await rig.books.effects()}
    assert len(subjects) >= 6
    assert slow.subject not in subjects


async def _some_effect(rig: BusRig) -> None:
    assert await rig.books.effects()
