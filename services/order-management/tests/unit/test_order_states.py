"""Every state of an order with every command, from the one table that the code runs on."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from order_entities import ADDRESS, DAY, NOW, draft, in_state, invoice, item, loaded
from promenade_chassis.ports import InvalidTransition, Principal
from promenade_kernel.events.order_management import OrderConfirmed, OrderDiscarded, OrderPlaced
from promenade_order_management.order.entity import (
    ORDER_LIFE,
    NotEnoughOpen,
    Order,
    OrderIncomplete,
    OrderOnHold,
    OrderStatus,
)
from promenade_order_management.order.states import NOT_OFFERED

Command = Callable[[Order], object]

# Each command that somebody can give, as one or several methods of the aggregate.
GIVEN: dict[str, list[Command]] = {
    "change": [
        lambda order: order.set_cart([item()], discount=None, shipping=None, now=NOW),
        lambda order: order.set_details(shipping_address=ADDRESS, billing_address=ADDRESS, note="x", now=NOW),
        lambda order: order.add_line(item(), NOW),
        lambda order: order.change_line(order.lines[0].id, lambda same: same, NOW),
        lambda order: order.remove_line(order.lines[0].id, NOW),
    ],
    "discard": [lambda order: order.discard(NOW)],
    "place": [lambda order: order.place(1, NOW, customer=None, pay_within=DAY)],
    "fulfill": [lambda order: order.allocate({order.lines[0].id: 1})],
    "hold": [lambda order: order.hold("x", NOW)],
    "release": [lambda order: order.release(NOW)],
}
# What follows from events is no caller's mistake: where it is not possible it changes nothing.
FOLLOWING: dict[str, Command] = {
    "confirm": lambda order: order.confirm(NOW),
    "complete": lambda order: order.complete_if_delivered(NOW),
}
NOT_YET = {"expire", "cancel", "settle", "cancel-remainder"}

MATRIX = [
    pytest.param(status, command, give, held, id=f"{status}-{command}-{number}{'-held' if held else ''}")
    for status in OrderStatus
    for command, ways in GIVEN.items()
    for number, give in enumerate(ways)
    for held in (False, True)
]


def test_every_command_of_the_table_is_tested() -> None:
    """A command that is added to the table has to be added here."""
    assert ORDER_LIFE.table.keys() == GIVEN.keys() | FOLLOWING.keys() | NOT_YET


@pytest.mark.parametrize(("status", "command", "give", "held"), MATRIX)
def test_allowed_actions_are_exactly_what_is_accepted(
    status: OrderStatus, command: str, give: Command, held: bool
) -> None:
    """What `allowed_actions` names works and leads where the table says; the rest is refused and changes nothing."""
    order = in_state(status)
    if held:
        order.put_on_hold("because", NOW)
    allowed = order.allowed_actions

    if command in allowed:
        give(order)
        assert order.status is ORDER_LIFE.table[command][status]
    else:
        with pytest.raises((InvalidTransition, OrderOnHold)) as refused:
            give(order)
        assert refused.value.extra.get("allowed", allowed) == allowed
        assert (order.status, order.recorded()) == (status, ())


@pytest.mark.parametrize("status", OrderStatus)
@pytest.mark.parametrize("command", FOLLOWING)
def test_what_follows_from_events_is_done_or_left(status: OrderStatus, command: str) -> None:
    """An event that comes too late, or again, changes nothing."""
    order = in_state(status)
    for line in order.lines:
        order.move_units({line.id: line.units.open}, open=-1, shipped=1, delivered=1)

    FOLLOWING[command](order)

    assert order.status is ORDER_LIFE.table[command].get(status, status)
    assert len(order.recorded()) == (1 if status in ORDER_LIFE.table[command] else 0)


@pytest.mark.parametrize("status", OrderStatus)
def test_only_offered_commands_are_allowed(status: OrderStatus) -> None:
    """The table knows commands that have no route yet; nobody is told to use them."""
    assert not set(in_state(status).allowed_actions) & (NOT_OFFERED | NOT_YET | FOLLOWING.keys())


@pytest.mark.parametrize(
    ("lacking", "missing"),
    [
        pytest.param({"shipping_address": None}, ["shipping_address"], id="address"),
        pytest.param({"user_id": None}, ["customer"], id="customer"),
        pytest.param({"lines": ()}, ["lines"], id="lines"),
        pytest.param(
            {"lines": (), "user_id": None, "shipping_address": None},
            ["lines", "customer", "shipping_address"],
            id="everything",
        ),
    ],
)
def test_an_incomplete_draft_is_not_placed(lacking: dict[str, object], missing: list[str]) -> None:
    """Everything that lacks is named at once, and `place` is not offered."""
    order = draft()
    for name, value in lacking.items():
        setattr(order, name, value)

    with pytest.raises(OrderIncomplete) as refused:
        order.place(1, NOW, customer=None, pay_within=DAY)

    assert refused.value.extra == {"missing": missing}
    assert (order.status, order.number) == (OrderStatus.DRAFT, None)
    assert "place" not in order.allowed_actions


def test_placing_gives_the_number_and_the_deadline() -> None:
    """The number carries the year and at least six digits; the deadline is what the policy says."""
    order = draft()

    order.place(42, NOW, customer=None, pay_within=DAY)

    assert (order.number, order.placed_at, order.payment_deadline) == ("ORD-2026-000042", NOW, NOW + DAY)
    assert [type(fact) for fact in order.recorded()] == [OrderPlaced]


def test_a_number_grows_beyond_six_digits() -> None:
    """The millionth order is no shorter a story."""
    order = draft()

    order.place(1_234_567, NOW, customer=None, pay_within=DAY)

    assert order.number == "ORD-2026-1234567"


def test_discarding_is_told() -> None:
    """Who counts on the draft learns that it is gone."""
    order = draft()

    order.discard(NOW)

    assert order.recorded() == (OrderDiscarded(**order.owner),)


def test_confirming_is_told_once() -> None:
    """A second payment event confirms nothing again."""
    order = in_state(OrderStatus.PLACED)
    told = invoice(order)
    order.take_over(told, "invoice.paid", NOW)

    order.confirm(NOW)
    order.confirm(NOW)

    assert [type(fact) for fact in order.recorded()] == [OrderConfirmed]
    assert order.confirmed_at == NOW


def test_a_held_order_is_placed_and_paid_but_not_fulfilled() -> None:
    """Holding stops the goods, not the money."""
    order = draft()
    order.require_review_of_prices(NOW)
    order.place(1, NOW, customer=None, pay_within=DAY)
    order.take_over(invoice(order), "invoice.paid", NOW)
    order.confirm(NOW)

    with pytest.raises(OrderOnHold):
        order.allocate({order.lines[0].id: 1})

    assert order.status is OrderStatus.CONFIRMED
    assert order.allowed_actions == ["release"]


def test_every_reason_to_hold_is_kept_once() -> None:
    """Two reasons are both told; the same one twice is one."""
    order = draft()

    for reason in ("all prices", "totals", "prices", "totals"):
        order.put_on_hold(reason, NOW)

    assert order.hold_reason == "all prices; totals; prices"
    assert [note.facts["reason"] for note in order.take_notes()] == ["all prices", "totals", "prices"]


def test_no_more_than_open_is_allocated() -> None:
    """The refusal names what is left of the lines that fall short, and nothing was set aside."""
    order = loaded(in_state(OrderStatus.CONFIRMED))
    first, second = order.lines

    with pytest.raises(NotEnoughOpen) as refused:
        order.allocate({first.id: first.units.open + 1, second.id: 1})

    assert refused.value.extra == {"open": {str(first.id): first.units.open}}
    assert all(line.units.allocated == 0 for line in order.lines)


def test_whose_an_order_is() -> None:
    """It belongs to the user who ordered and to the user behind the customer; a discarded one to staff alone."""
    order = draft()
    order.customer_user_id = uuid4()
    owners = {order.user_id, order.customer_user_id}

    reached = {user for user in [*owners, uuid4()] if order.is_reached_by(_user(user), "orders:read")}
    order.discard(NOW)

    assert reached == owners
    assert not any(order.is_reached_by(_user(user), "orders:read") for user in owners)
    assert order.is_reached_by(_user(uuid4(), "orders:read"), "orders:read")


def _user(user_id: UUID | None, *permissions: str) -> Principal:
    assert user_id is not None
    return Principal(id=user_id, permissions=frozenset(permissions))
