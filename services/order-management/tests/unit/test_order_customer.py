"""Whom an order is for: known at once, or once, later."""

from __future__ import annotations

from uuid import uuid4

from order_entities import DAY, NOW, customer, draft, loaded, placed


def test_name_and_email_are_frozen_at_placing() -> None:
    """What the customer is called later does not change what was sold to him."""
    user_id = uuid4()
    buyer = customer(user_id)
    order = draft(user_id=user_id, buyer=buyer)
    before = (order.customer_id, order.customer_name)

    order.place(1, NOW, customer=buyer, pay_within=DAY)

    assert before == (buyer.id, None)
    assert (order.customer_id, order.customer_name, order.customer_email) == (buyer.id, buyer.name, buyer.email)


def test_a_late_customer_is_frozen_once() -> None:
    """An order placed before its customer was known learns of him, and then of nobody else."""
    order = placed()
    first, second = customer(order.user_id), customer(order.user_id, name="Eve")

    order.know_customer(first, NOW)
    order.know_customer(second, NOW)

    assert (order.customer_id, order.customer_name, order.customer_email) == (first.id, first.name, first.email)
    assert [note.kind for note in order.take_notes()] == ["customer.known"]


def test_a_draft_learns_of_its_customer_without_freezing_him() -> None:
    """The name is taken when the order is placed, not before."""
    order = draft()
    buyer = customer(order.user_id)

    order.know_customer(buyer, NOW)

    assert (order.customer_id, order.customer_name) == (buyer.id, None)


def test_every_change_leaves_a_note() -> None:
    """Nothing happens to an order that its timeline would not tell."""
    order = loaded(draft())

    order.set_details(shipping_address=order.shipping_address, billing_address=None, note="gift", now=NOW)
    order.remove_line(order.lines[0].id, NOW)
    order.place(1, NOW, customer=None, pay_within=DAY)
    order.hold("x", NOW)
    order.release(NOW)

    kinds = [note.kind for note in order.take_notes()]
    assert kinds == ["order.changed", "line.removed", "order.placed", "order.held", "order.released"]
    assert list(order.take_notes()) == []
