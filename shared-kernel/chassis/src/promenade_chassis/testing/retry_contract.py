"""What every bus promises with every ledger when reactions fail. A test module inherits it and gives `rig`."""

# ruff: noqa: S101 - tests, to be inherited

from __future__ import annotations

import msgspec
import pytest
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended

from promenade_chassis.events import retry
from promenade_chassis.ports import NotYet, PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, BusRig, history

REACTION = f"{CONTEXT}.on_user_suspended"


class RetryContract:
    """Retry, dead letters, and others going on."""

    async def test_what_fails_twice_then_works_takes_effect_once(self, rig: BusRig):
        """And what follows of the subject comes after it."""
        await rig.start(lambda envelope: self._fail(rig, envelope, times=2))
        facts = history(2)

        await rig.deliver(facts)

        assert rig.attempts[facts[0].id] == 3
        assert await rig.effects_on(facts[0].subject) == [1, 2]
        assert await rig.books.dead_letters() == []

    async def test_a_permanent_error_is_not_tried_again(self, rig: BusRig):
        """It is dead-lettered at once; its subject and the others go on."""
        bad, *rest = history(3)
        other = history(1)[0]

        async def refuse(envelope: Envelope) -> None:
            if envelope.id == bad.id:
                raise PermanentError("no such thing")

        await rig.start(refuse)
        await rig.deliver([bad, *rest, other])

        assert rig.attempts[bad.id] == 1
        assert await rig.books.dead_letters() == [(REACTION, 1)]
        assert await rig.effects_on(bad.subject) == [2, 3]
        assert await rig.effects_on(other.subject) == [1]

    async def test_a_reaction_that_always_fails_is_given_up_after_the_last_attempt(self, rig: BusRig):
        """Three attempts are configured; then its subject goes on."""
        bad, good = history(2)

        async def fail(envelope: Envelope) -> None:
            if envelope.id == bad.id:
                raise LookupError("always")

        await rig.start(fail)
        await rig.deliver([bad, good])

        assert rig.attempts[bad.id] == 3
        assert await rig.books.dead_letters() == [(REACTION, 3)]
        assert await rig.effects_on(bad.subject) == [2]

    async def test_not_yet_is_no_attempt(self, rig: BusRig, monkeypatch: pytest.MonkeyPatch):
        """It may be said more often than there are attempts, and leaves all of them for failures."""
        monkeypatch.setattr(retry, "NOT_YET_FIRST", 0.01)

        async def wait(envelope: Envelope) -> None:
            if rig.attempts[envelope.id] <= 4:
                raise NotYet("its customer")
            if rig.attempts[envelope.id] <= 6:
                raise LookupError("not this time")

        await rig.start(wait)
        (fact,) = history(1)

        await rig.deliver([fact])

        assert rig.attempts[fact.id] == 7
        assert await rig.effects_on(fact.subject) == [1]
        assert await rig.books.dead_letters() == []

    async def test_a_poison_payload_is_dead_lettered_without_a_call(self, rig: BusRig):
        """What breaks its type's schema can never be read."""
        await rig.start()
        first, second = history(2)
        poison = msgspec.structs.replace(first, data=msgspec.Raw(b'{"user_id": 7}'))

        await rig.deliver([poison, second])

        assert poison.id not in rig.attempts
        assert await rig.books.dead_letters() == [(REACTION, 1)]
        assert await rig.effects_on(first.subject) == [2]

    async def test_two_reactions_to_one_event_stand_and_fall_alone(self, rig: BusRig):
        """What one did is neither undone nor done again by the other's failures; the next event waits for both."""

        async def on_suspension_first(event: UserSuspended, envelope: Envelope) -> None:
            await rig.books.write(envelope)

        rig.bus.subscribe(UserSuspended, on_suspension_first)
        await rig.start(lambda envelope: self._fail(rig, envelope, times=2))
        facts = history(2)

        await rig.deliver(facts)

        assert await rig.effects_on(facts[0].subject) == [1, 1, 2, 2]
        assert rig.attempts[facts[0].id] == 3

    async def test_one_of_two_reactions_is_dead_lettered_and_the_event_is_passed(self, rig: BusRig):
        """Whichever of them is settled last lets the subject go on."""

        async def on_suspension_refused(event: UserSuspended, envelope: Envelope) -> None:
            raise PermanentError("not here")

        await rig.start()
        rig.bus.subscribe(UserSuspended, on_suspension_refused)
        facts = history(2)

        await rig.deliver(facts)

        assert await rig.books.dead_letters() == [(f"{CONTEXT}.on_suspension_refused", 1)] * 2
        assert await rig.effects_on(facts[0].subject) == [1, 2]

    @staticmethod
    async def _fail(rig: BusRig, envelope: Envelope, *, times: int) -> None:
        if envelope.sequence == 1 and rig.attempts[envelope.id] <= times:
            raise LookupError("not this time")
