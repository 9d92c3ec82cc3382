"""Who reacts to what."""

import msgspec
import pytest
from promenade_chassis.events.bus import Subscriptions
from promenade_kernel.events import registry
from promenade_kernel.events.envelope import Cause, Envelope, seal
from promenade_kernel.events.identity import UserReinstated, UserSuspended
from promenade_kernel.events.order_management import OrderPlaced
from promenade_kernel.events.registry import Event
from promenade_kernel.values.ids import new_id


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


class UserSuspendedV2(Event, frozen=True, kw_only=True):
    """A newer form."""

    reason: str


def sealed_forms() -> list[Envelope]:
    """A fact in three forms, of which this kernel may know none of the newest."""
    fact = UserSuspended(user_id=new_id())
    sealed = seal(fact, subject=fact.user_id, sequence=1, cause=Cause("process", "request"))
    wires = [f"user.suspended.v{major}" for major in (3, 2, 1)]
    return [msgspec.structs.replace(sealed, type=wire, forms="3,2,1") for wire in wires]


@pytest.fixture
def second_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """This kernel knows `user.suspended.v2`."""
    for name in ("_classes", "_wires", "_contexts", "_older"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    register = registry.event(
        "user.suspended.v2",
        context="identity",
        older=UserSuspended,
        upcast=lambda older: UserSuspendedV2(reason=str(older.until)),
    )
    register(UserSuspendedV2)


@pytest.mark.usefixtures("second_form")
def test_a_reaction_gets_the_older_forms_of_what_it_subscribes_to():
    """It reads one class, whatever form arrives, and is not subscribed to any of them twice."""
    subscriptions = Subscriptions("billing")
    subscriptions.add(UserSuspendedV2, on_anything)

    assert subscriptions.of("user.suspended.v1") == subscriptions.of("user.suspended.v2")
    assert subscriptions.of("user.suspended.v1")[0].event_class is UserSuspendedV2
    assert subscriptions.wire_types == {"user.suspended.v1", "user.suspended.v2"}
    with pytest.raises(ValueError, match="already"):
        subscriptions.add(UserSuspended, on_anything)


@pytest.mark.usefixtures("second_form")
@pytest.mark.parametrize("order", [[UserSuspended, UserSuspendedV2], [UserSuspendedV2, UserSuspended]])
def test_a_context_reads_one_form_of_a_fact(order: list[type[Event]]):
    """Two forms read by two reactions would have two turns; the second might come behind the next fact."""

    async def on_another(event: Event, envelope: Envelope) -> None: ...

    subscriptions = Subscriptions("billing")
    subscriptions.add(order[0], on_anything)

    with pytest.raises(ValueError, match="different forms"):
        subscriptions.add(order[1], on_another)


@pytest.mark.usefixtures("second_form")
@pytest.mark.parametrize(
    ("reads", "passed_over"),
    [
        ([UserSuspended], [True, True, False]),
        ([UserSuspendedV2], [True, False, False]),
        ([UserReinstated], [False, False, False]),
    ],
    ids=["the oldest", "the second and the oldest", "none"],
)
def test_forms_it_cannot_read_are_left_to_those_it_can(reads: list[type[Event]], passed_over: list[bool]):
    """A fact nobody reads in any form is no matter of forms: each of them may advance its subject."""
    subscriptions = Subscriptions("billing")
    for event_class in reads:
        subscriptions.add(event_class, on_anything)

    assert [subscriptions.passes_over(form) for form in sealed_forms()] == passed_over


def test_a_form_that_stands_alone_is_never_passed_over():
    """It says of no other form, so none is waited for."""
    subscriptions = Subscriptions("billing")
    subscriptions.add(UserSuspended, on_user_suspended)
    alone = msgspec.structs.replace(sealed_forms()[0], forms=None)

    assert not subscriptions.passes_over(alone)
