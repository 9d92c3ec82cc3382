"""The registry of event types."""

import re
from datetime import datetime

import msgspec
import pytest
from promenade_kernel.events.billing import InvoicePaid
from promenade_kernel.events.order_management import OrderPlaced
from promenade_kernel.events.registry import (
    Event,
    Instant,
    all_events,
    context_of,
    event,
    event_class,
    fact_of,
    instants_of,
    major_of,
    wire_type,
)
from promenade_kernel.events.samples import SAMPLES

THIN_STORY = [
    "user.registered",
    "user.activated",
    "user.suspended",
    "user.reinstated",
    "user.deleted",
    "user.password-reset-requested",
    "contact.code-requested",
    "contact.verified",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "order.created",
    "order.placed",
    "order.confirmed",
    "order.completed",
    "order.discarded",
    "fulfillment.shipped",
    "fulfillment.delivered",
    "invoice.finalized",
    "invoice.paid",
    "invoice.voided",
    "invoice.rejected",
    "payment.succeeded",
    "payment.failed",
]
CONTEXTS = {
    "user": "identity",
    "contact": "identity",
    "profile": "identity",
    "customer": "customer-management",
    "order": "order-management",
    "fulfillment": "order-management",
    "invoice": "billing",
    "payment": "billing",
}


def test_every_event_of_the_story_is_registered():
    """Whoever imports anything of the events finds all of them."""
    assert {f"{name}.v1" for name in THIN_STORY} <= set(all_events())


@pytest.mark.parametrize("wire", all_events())
def test_type_and_class_find_each_other(wire: str):
    """The wire type is an explicit text that leads to the class and back."""
    cls = event_class(wire)

    assert cls is not None
    assert wire_type(cls) == wire
    assert wire_type(SAMPLES[wire]) == wire
    assert type(SAMPLES[wire]) is cls
    assert wire == f"{fact_of(wire)}.v{major_of(wire)}"


@pytest.mark.parametrize("wire", all_events())
def test_every_type_has_its_context(wire: str):
    """An aggregate's events come from the context that owns it."""
    cls = all_events()[wire]

    assert context_of(cls) == CONTEXTS[wire.partition(".")[0]]
    assert cls.__module__.endswith("." + context_of(cls).replace("-", "_"))


@pytest.mark.parametrize("wire", all_events())
def test_classes_are_named_after_their_type(wire: str):
    """`order.placed.v1` is `OrderPlaced`, one word per thing; a `.v2` beside it would be `OrderPlacedV2`."""
    words = re.split(r"[.-]", wire.removesuffix(".v1"))

    assert all_events()[wire].__name__ == "".join(word.capitalize() for word in words)


@pytest.mark.parametrize("wire", all_events())
def test_events_are_frozen(wire: str):
    """A fact never changes."""
    sample = SAMPLES[wire]
    name = msgspec.structs.fields(sample)[0].name

    with pytest.raises(AttributeError):
        setattr(sample, name, None)


def test_an_unknown_type_has_no_class():
    """A newer producer's type is not known, which is no error."""
    assert event_class("order.teleported.v1") is None


def test_the_catalogue_cannot_be_changed():
    """Types come from the decorator alone."""
    with pytest.raises(TypeError):
        all_events()["order.placed.v1"] = Event  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize(
    "wire", ["order.placed", "order.placed.v0", "order.placed.1", "Order.placed.v1", "order.v1", "a.b.c.v1", "a_b.c.v1"]
)
def test_types_have_one_form(wire: str):
    """A wire type is `<aggregate>.<verb>.v<major>`."""
    with pytest.raises(ValueError, match="form"):
        event(wire, context="billing")
    with pytest.raises(ValueError, match="form"):
        major_of(wire)


def test_majors_are_numbers():
    """The major version is read from the type."""
    assert major_of("order.placed.v12") == 12


def test_a_type_belongs_to_one_class():
    """Registering a type or a class twice is a mistake."""

    class Other(Event, frozen=True, kw_only=True):
        """Another one."""

    with pytest.raises(ValueError, match=r"order\.placed\.v1"):
        event("order.placed.v1", context="order-management")(Other)
    with pytest.raises(ValueError, match="OrderPlaced"):
        event("order.put.v1", context="order-management")(OrderPlaced)
    assert event_class("order.put.v1") is None


def test_knows_which_fields_are_times():
    """Times are found by their type, also where they are optional."""

    class Timed(Event, frozen=True, kw_only=True):
        """Something with times."""

        at: Instant
        until: Instant | None = None
        name: str = ""

    assert instants_of(Timed) == ("at", "until")
    assert instants_of(InvoicePaid) == ("paid_at",)


@pytest.mark.parametrize("wire", all_events())
def test_times_are_always_aware(wire: str):
    """No event has a time without a zone."""
    for field in msgspec.structs.fields(all_events()[wire]):
        assert field.type is not datetime
