"""Who reacts to what."""

import pytest
from promenade_chassis.events.bus import Subscriptions
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserReinstated, UserSuspended
from promenade_kernel.events.order_management import OrderPlaced
from promenade_kernel.events.registry import Event


async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None: ...


async def on_anything(event: Event, envelope: Envelope) -> None: ...


async def on_order_placed(event: OrderPlaced, envelope: Envelope) -> None: ...


def test_a_reaction_is_named_after_its_context_and_function():
    """The name stands in inbox rows, so it follows from what is written in reactions.py."""
    subscriptions = Subscriptions("billing")
    subscriptions.add(UserSuspended, on_user_suspended)

    (subscription,) = subscriptions.of("user.suspended.v1")

    assert subscription.name == "billing.on_user_suspended"
    assert subscriptions.of("user.suspended.v2") == ()


def test_one_reaction_may_take_several_events():
    """Two events have two ids, so the inbox rows differ."""
    subscriptions = Subscriptions("billing")

    subscriptions.add(UserSuspended, on_anything)
    subscriptions.add(UserReinstated, on_anything)

    assert subscriptions.wire_types == {"user.suspended.v1", "user.reinstated.v1"}


def test_the_same_subscription_twice_is_refused():
    """It would act once and look as if it acted twice."""
    subscriptions = Subscriptions("billing")
    subscriptions.add(UserSuspended, on_user_suspended)

    with pytest.raises(ValueError, match="already"):
        subscriptions.add(UserSuspended, on_user_suspended)


def test_two_reactions_of_one_name_are_refused():
    """They would take each other's inbox rows."""

    async def on_user_suspended(event: UserReinstated, envelope: Envelope) -> None: ...

    subscriptions = Subscriptions("billing")
    subscriptions.add(UserSuspended, globals()["on_user_suspended"])

    with pytest.raises(ValueError, match="another reaction"):
        subscriptions.add(UserReinstated, on_user_suspended)


def test_the_producers_are_those_of_the_event_classes():
    """A context listens to the whole stream of whoever publishes what it reacts to."""
    subscriptions = Subscriptions("billing")
    subscriptions.add(UserSuspended, on_user_suspended)
    subscriptions.add(OrderPlaced, on_order_placed)

    assert subscriptions.producers == {"identity", "order-management"}
