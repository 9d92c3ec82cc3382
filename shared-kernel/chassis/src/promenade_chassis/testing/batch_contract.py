"""What every bus promises with every ledger when events share a transaction. A test module inherits it."""

# ruff: noqa: S101 - tests, to be inherited

from __future__ import annotations

from uuid import UUID

import msgspec
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserReinstated, UserSuspended
from promenade_kernel.values.ids import new_id

from promenade_chassis.events.bus import Deliveries
from promenade_chassis.ports import PermanentError, current_cause, use_cause
from promenade_chassis.testing.bus_rig import CONTEXT, BusRig, history
from promenade_chassis.testing.events import in_turns, sealed

SET_BASED = f"{CONTEXT}.on_users_suspended"


def alternating(subject: UUID, length: int) -> list[Envelope]:
    """A user suspended and reinstated in turn."""
    return [
        sealed(
            (UserReinstated if number % 2 == 0 else UserSuspended)(user_id=subject), subject=subject, sequence=number
        )
        for number in range(1, length + 1)
    ]


class BatchContract:
    """Set-based reactions, alone and beside others."""

    async def test_a_set_based_reaction_gets_many_events_in_one_call(self, rig: BusRig):
        """Each event once, of each subject in order, and the payload with it."""
        sizes = await self._subscribe(rig)
        histories = [history(5) for _ in range(40)]

        await rig.deliver(in_turns(*histories))

        assert sum(sizes) == 200
        assert len(sizes) < 200
        for each in histories:
            assert await rig.effects_on(each[0].subject) == [1, 2, 3, 4, 5]

    async def test_one_that_cannot_be_handled_does_not_take_the_others_with_it(self, rig: BusRig):
        """The call is undone and made again for one event after the other; the bad one ends as a dead letter."""
        bad, *rest = history(3)
        others = [history(1)[0] for _ in range(20)]
        await self._subscribe(rig, refused=bad.id)

        await rig.deliver([*others[:10], bad, *others[10:], *rest])

        assert await rig.books.dead_letters() == [(SET_BASED, 1)]
        assert await rig.effects_on(bad.subject) == [2, 3]
        assert [await rig.effects_on(each.subject) for each in others] == [[1]] * 20

    async def test_a_poison_payload_in_a_batch_is_found(self, rig: BusRig):
        """It is read only when the reaction looks at it, and still it alone is given up."""
        first, second, third = history(3)
        poison = msgspec.structs.replace(second, data=msgspec.Raw(b'{"user_id": 7}'))
        others = [history(1)[0] for _ in range(5)]
        await self._subscribe(rig)

        await rig.deliver([first, poison, third, *others])

        assert await rig.books.dead_letters() == [(SET_BASED, 1)]
        assert await rig.effects_on(first.subject) == [1, 3]

    async def test_what_is_delivered_twice_is_handed_over_once(self, rig: BusRig):
        """In one batch, and in a later one."""
        sizes = await self._subscribe(rig)
        facts = history(6)

        await rig.deliver([each for fact in facts for each in (fact, fact)])
        await rig.deliver(facts)

        assert sum(sizes) == 6
        assert await rig.effects_on(facts[0].subject) == [1, 2, 3, 4, 5, 6]

    async def test_order_holds_between_a_set_based_reaction_and_another(self, rig: BusRig):
        """Of one subject nothing acts before what happened earlier, whichever reaction it has."""
        await self._subscribe(rig)

        async def on_user_reinstated(event: UserReinstated, envelope: Envelope) -> None:
            await rig.books.write(envelope)

        rig.bus.subscribe(UserReinstated, on_user_reinstated)
        histories = [alternating(new_id(), 8) for _ in range(10)]

        await rig.deliver(in_turns(*histories))

        for each in histories:
            assert await rig.effects_on(each[0].subject) == list(range(1, 9))

    async def test_two_set_based_reactions_both_take_effect(self, rig: BusRig):
        """Once each, and the next event of a subject comes after both."""
        await self._subscribe(rig)

        async def on_suspensions_too(batch: Deliveries[UserSuspended]) -> None:
            for each in batch:
                await rig.books.write(each.envelope)

        rig.bus.subscribe(UserSuspended, on_suspensions_too, batch=True)
        facts = history(3)

        await rig.deliver(facts)

        assert await rig.effects_on(facts[0].subject) == [1, 1, 2, 2, 3, 3]

    async def test_a_set_based_reaction_can_name_the_cause_of_what_it_records(self, rig: BusRig):
        """Each event is the cause inside `use_cause`."""
        causes: list[tuple[str, str]] = []

        async def on_users_suspended(batch: Deliveries[UserSuspended]) -> None:
            for each in batch:
                with use_cause(each.envelope):
                    causes.append((current_cause().causation_id, str(each.envelope.id)))

        rig.bus.subscribe(UserSuspended, on_users_suspended, batch=True)
        await rig.bus.start()

        await rig.deliver(history(3))

        assert len(causes) == 3
        assert all(caused == event for caused, event in causes)

    async def test_reactions_alone_and_together_keep_the_order(self, rig: BusRig):
        """One with a transaction of its own, the next with others."""

        async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
            await rig.books.write(envelope)

        async def on_user_reinstated(event: UserReinstated, envelope: Envelope) -> None:
            await rig.books.write(envelope)

        rig.bus.subscribe(UserSuspended, on_user_suspended, alone=True)
        rig.bus.subscribe(UserReinstated, on_user_reinstated)
        await rig.bus.start()
        histories = [alternating(new_id(), 6) for _ in range(5)]

        await rig.deliver(in_turns(*histories))

        for each in histories:
            assert await rig.effects_on(each[0].subject) == list(range(1, 7))

    @staticmethod
    async def _subscribe(rig: BusRig, refused: UUID | None = None) -> list[int]:
        """Start with one set-based reaction; answers the sizes of its batches, those that were undone left out."""
        sizes: list[int] = []

        async def on_users_suspended(batch: Deliveries[UserSuspended]) -> None:
            for each in batch:
                assert each.event.user_id == each.envelope.subject
            if any(each.envelope.id == refused for each in batch):
                raise PermanentError("no such thing")
            for each in batch:
                await rig.books.write(each.envelope)
            sizes.append(len(batch))

        rig.bus.subscribe(UserSuspended, on_users_suspended, batch=True)
        await rig.bus.start()
        return sizes
