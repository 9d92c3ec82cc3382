"""Fulfillments: their states, and the units of the order that they move."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from order_entities import NOW, confirmed, item, loaded
from promenade_chassis.ports import DomainError, InvalidTransition
from promenade_kernel.events.order_management import FulfillmentDelivered, FulfillmentShipped, OrderCompleted
from promenade_order_management.fulfillment.entity import (
    FULFILLMENT_LIFE,
    Fulfillment,
    FulfillmentStatus,
    Parcel,
)
from promenade_order_management.order.entity import FulfillmentStatus as Progress
from promenade_order_management.order.entity import NotEnoughOpen, Order, OrderOnHold, OrderStatus

Command = Callable[[Fulfillment, Order], None]

PARCEL = Parcel(carrier="Post", tracking_number="1Z", tracking_url="https://example.com/1Z")
GIVEN: dict[str, Command] = {
    "pack": lambda each, order: each.pack(order, NOW),
    "ship": lambda each, order: each.ship(order, PARCEL, NOW),
    "deliver": lambda each, order: each.deliver(order, NOW),
    "cancel": lambda each, order: each.cancel(order, NOW),
    "fail": lambda each, order: each.fail(order, "nobody there", NOW),
    "return-to-sender": lambda each, order: each.come_back(order, NOW),
    "lose": lambda each, order: each.lose(order, NOW),
}
# The commands that lead to each state, from the beginning.
WAYS: dict[FulfillmentStatus, list[str]] = {
    FulfillmentStatus.PENDING: [],
    FulfillmentStatus.PACKED: ["pack"],
    FulfillmentStatus.SHIPPED: ["ship"],
    FulfillmentStatus.DELIVERED: ["ship", "deliver"],
    FulfillmentStatus.CANCELLED: ["cancel"],
    FulfillmentStatus.UNDELIVERED: ["ship", "fail"],
    FulfillmentStatus.RETURNED: ["ship", "fail", "return-to-sender"],
    FulfillmentStatus.LOST: ["ship", "lose"],
}


def of(order: Order, *, units: int = 1) -> Fulfillment:
    """Some units of the first line."""
    return Fulfillment.of(order, {order.lines[0].id: units}, NOW)


def in_state(status: FulfillmentStatus) -> tuple[Fulfillment, Order]:
    """One unit of a larger order that has come so far."""
    order = confirmed()
    fulfillment = of(order)
    for command in WAYS[status]:
        GIVEN[command](fulfillment, order)
    fulfillment.mark_saved(version=1, last_sequence=0, updated_at=NOW)
    return fulfillment, loaded(order)


def test_every_command_of_the_table_is_tested() -> None:
    """A command that is added to the table has to be added here."""
    assert FULFILLMENT_LIFE.table.keys() == GIVEN.keys()
    assert WAYS.keys() == set(FulfillmentStatus)


@pytest.mark.parametrize("held", [False, True], ids=["free", "held"])
@pytest.mark.parametrize("command", GIVEN)
@pytest.mark.parametrize("status", FulfillmentStatus)
def test_allowed_actions_are_exactly_what_is_accepted(status: FulfillmentStatus, command: str, held: bool) -> None:
    """What `allowed_actions` names leads where the table says; the rest is refused and changes nothing."""
    fulfillment, order = in_state(status)
    if held:
        order.put_on_hold("because", NOW)
        order.take_notes()
    allowed = fulfillment.allowed_actions(order)
    before = order.lines

    if command in allowed:
        GIVEN[command](fulfillment, order)
        assert fulfillment.status is FULFILLMENT_LIFE.table[command][status]
        assert [note.facts["fulfillment_id"] for note in order.take_notes()] == [str(fulfillment.id)]
    else:
        with pytest.raises((InvalidTransition, OrderOnHold)) as refused:
            GIVEN[command](fulfillment, order)
        assert refused.value.extra["allowed"] == allowed
        assert (fulfillment.status, order.lines, fulfillment.recorded()) == (status, before, ())


@pytest.mark.parametrize(
    ("status", "units"),
    [
        (FulfillmentStatus.PENDING, {"allocated": 1}),
        (FulfillmentStatus.PACKED, {"allocated": 1}),
        (FulfillmentStatus.SHIPPED, {"shipped": 1}),
        (FulfillmentStatus.DELIVERED, {"shipped": 1, "delivered": 1}),
        (FulfillmentStatus.CANCELLED, {}),
        (FulfillmentStatus.UNDELIVERED, {"shipped": 1}),
        (FulfillmentStatus.RETURNED, {}),
        (FulfillmentStatus.LOST, {}),
    ],
)
def test_where_the_units_are(status: FulfillmentStatus, units: dict[str, int]) -> None:
    """Cancelled, lost and returned units are open again; all others are where the goods are."""
    _, order = in_state(status)

    line = order.lines[0]
    counts = {"allocated": line.units.allocated, "shipped": line.units.shipped, "delivered": line.units.delivered}
    assert {name: count for name, count in counts.items() if count} == units
    assert line.units.open == line.item.quantity - units.get("allocated", 0) - units.get("shipped", 0)


def test_shipping_and_delivering_are_told() -> None:
    """The events carry the lines by name and how the parcel travels."""
    order = confirmed()
    fulfillment = of(order)

    fulfillment.ship(order, PARCEL, NOW)
    fulfillment.deliver(order, NOW)

    shipped, delivered = fulfillment.recorded()
    assert isinstance(shipped, FulfillmentShipped)
    assert isinstance(delivered, FulfillmentDelivered)
    assert (shipped.order_number, shipped.carrier, shipped.tracking_number) == (order.number, "Post", "1Z")
    assert [(line.sku, line.quantity) for line in shipped.lines] == [("TEA-1", 1)]
    assert (shipped.shipped_at, delivered.delivered_at) == (NOW, NOW)


def test_shipping_again_keeps_what_is_not_said_anew() -> None:
    """The second try may have another number; the carrier stays, and the units were counted before."""
    fulfillment, order = in_state(FulfillmentStatus.UNDELIVERED)

    fulfillment.ship(order, Parcel(tracking_number="2Z"), NOW)

    assert (fulfillment.parcel.carrier, fulfillment.parcel.tracking_number) == ("Post", "2Z")
    assert fulfillment.failure is None
    assert order.lines[0].units.shipped == 1


def test_the_last_delivery_completes_the_order() -> None:
    """Not the first of two: only when nothing is open, set aside or on its way."""
    order = confirmed(item(quantity=3))
    first, second = of(order, units=2), of(order, units=1)
    first.ship(order, PARCEL, NOW)
    first.deliver(order, NOW)
    second.ship(order, PARCEL, NOW)
    before = order.status

    second.deliver(order, NOW)

    assert (before, order.status) == (OrderStatus.CONFIRMED, OrderStatus.COMPLETED)
    assert [type(fact) for fact in order.recorded()] == [OrderCompleted]
    assert order.completed_at == NOW


def test_progress_is_that_of_the_furthest_unit() -> None:
    """Each step is partial until the last unit has taken it."""
    order = confirmed(item(quantity=2))
    seen = [order.fulfillment_status]
    first, second = of(order), None
    seen.append(order.fulfillment_status)
    second = of(order)
    seen.append(order.fulfillment_status)
    for fulfillment in (first, second):
        fulfillment.ship(order, PARCEL, NOW)
        seen.append(order.fulfillment_status)
    for fulfillment in (first, second):
        fulfillment.deliver(order, NOW)
        seen.append(order.fulfillment_status)

    assert seen == [
        Progress.NONE,
        Progress.PARTIAL,
        Progress.FULFILLED,
        Progress.PARTIALLY_SHIPPED,
        Progress.SHIPPED,
        Progress.PARTIALLY_DELIVERED,
        Progress.DELIVERED,
    ]


@pytest.mark.parametrize("seed", range(4))
def test_random_walks_keep_the_units(seed: int) -> None:
    """In 10,000 steps the units of every line make its quantity and are where the fulfillments say they are."""
    dice = random.Random(seed)
    for _ in range(25):
        order = confirmed(*(item(quantity=dice.randint(1, 5)) for _ in range(dice.randint(1, 3))))
        fulfillments: list[Fulfillment] = []
        for _ in range(100):
            with suppress(DomainError):
                _step(dice, order, fulfillments)
            _check(order, fulfillments)


def _step(dice: random.Random, order: Order, fulfillments: list[Fulfillment]) -> None:
    match dice.randint(0, 9):
        case 0:
            order.hold("x", NOW)
        case 1 | 2:
            order.release(NOW)
        case 3 | 4:
            wanted = {line.id: dice.randint(1, 3) for line in order.lines if dice.random() < 0.6}
            fulfillments.append(Fulfillment.of(order, wanted, NOW))
        case _ if fulfillments:
            GIVEN[dice.choice([*GIVEN, "ship", "ship", "deliver"])](dice.choice(fulfillments), order)
        case _:
            pass


def _check(order: Order, fulfillments: list[Fulfillment]) -> None:
    on_their_way = {FulfillmentStatus.SHIPPED, FulfillmentStatus.UNDELIVERED, FulfillmentStatus.DELIVERED}
    waiting = {FulfillmentStatus.PENDING, FulfillmentStatus.PACKED}
    for line in order.lines:
        assert line.units.total == line.item.quantity
        assert line.units.allocated == _units(fulfillments, waiting, line.id)
        assert line.units.shipped == _units(fulfillments, on_their_way, line.id)
        assert line.units.delivered == _units(fulfillments, {FulfillmentStatus.DELIVERED}, line.id)
    all_there = all(line.units.delivered == line.item.quantity for line in order.lines)
    assert (order.status is OrderStatus.COMPLETED) == all_there
    assert (order.fulfillment_status is Progress.DELIVERED) == all_there


def _units(fulfillments: list[Fulfillment], states: set[FulfillmentStatus], line_id: object) -> int:
    return sum(
        line.quantity
        for each in fulfillments
        if each.status in states
        for line in each.lines
        if line.line_id == line_id
    )


def test_nothing_is_set_aside_of_nothing() -> None:
    """When no unit is open there is nothing to fulfil."""
    order = confirmed()
    of_all = Fulfillment.of(order, order.open_units, NOW)

    with pytest.raises(NotEnoughOpen):
        Fulfillment.of(order, order.open_units, NOW)

    assert sum(line.quantity for line in of_all.lines) == 5
