"""The steps of the cash flow, as the timeline tells them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from order_entities import NOW, confirmed, draft, invoice, item, placed
from promenade_order_management.fulfillment.entity import Fulfillment, Parcel
from promenade_order_management.order.entity import Order, OrderStatus
from promenade_order_management.process.entity import StepStatus, steps_of
from promenade_order_management.timeline.entity import Entry

DONE, WAITING, FAILED, SKIPPED = StepStatus.DONE, StepStatus.WAITING, StepStatus.FAILED, StepStatus.SKIPPED


def history(order: Order, *told: tuple[str, str | None]) -> list[Entry]:
    """These entries, a minute apart."""
    return [
        Entry(
            id=uuid4(),
            order_id=order.id,
            kind=kind,
            at=NOW + timedelta(minutes=number),
            actor=None,
            cause="x",
            correlation_id="x",
            facts={"error": error} if error else {},
        )
        for number, (kind, error) in enumerate(told)
    ]


def statuses(order: Order, *told: tuple[str, str | None]) -> dict[str, StepStatus]:
    """Each step's status after these entries."""
    return {step.name: step.status for step in steps_of(order, history(order, *told))}


def test_a_draft_waits_for_everything() -> None:
    """Nothing of the cash flow has begun."""
    assert set(statuses(draft(), ("order.created", None)).values()) == {WAITING}


def test_a_failed_payment_is_seen_until_the_next_one() -> None:
    """The step fails with its error; when money comes it is done and still tells the last error."""
    order = placed()
    told: list[tuple[str, str | None]] = [("order.placed", None), ("payment.failed", "card-declined")]

    failed = steps_of(order, history(order, *told))[2]
    order.take_over(invoice(order), "payment.succeeded", NOW)
    done = steps_of(order, history(order, *told, ("payment.succeeded", None)))[2]

    assert (failed.name, failed.status, failed.error) == ("payment.succeeded", FAILED, "card-declined")
    assert (done.status, done.error, done.at) == (DONE, "card-declined", NOW + timedelta(minutes=2))


def test_a_part_payment_is_not_all() -> None:
    """The step is done when nothing is due any more."""
    order = placed()
    order.take_over(invoice(order, paid=1), "payment.succeeded", NOW)

    assert statuses(order, ("payment.succeeded", None))["payment.succeeded"] is WAITING


def test_goods_that_travel_in_parts() -> None:
    """Shipping and delivering are done with the last unit."""
    order = confirmed(item(quantity=2))
    line_id = order.lines[0].id
    first = Fulfillment.of(order, {line_id: 1}, NOW)
    first.ship(order, Parcel(), NOW)
    half = statuses(order, ("fulfillment.shipped", None))
    second = Fulfillment.of(order, {line_id: 1}, NOW)
    second.ship(order, Parcel(), NOW)
    whole = statuses(order, ("fulfillment.shipped", None))
    first.lose(order, NOW)
    lost = statuses(order, ("fulfillment.shipped", None), ("fulfillment.lost", "lost on the way"))

    assert half["fulfillment.shipped"] is WAITING
    assert (whole["fulfillment.shipped"], whole["fulfillment.delivered"]) == (DONE, WAITING)
    assert (lost["fulfillment.shipped"], lost["fulfillment.delivered"]) == (FAILED, FAILED)


def test_what_will_not_happen_any_more_is_skipped() -> None:
    """An order that is over waits for nothing."""
    order = placed()
    order.status = OrderStatus.EXPIRED

    found = statuses(order, ("order.placed", None))

    assert found["order.placed"] is DONE
    assert {status for name, status in found.items() if name != "order.placed"} == {SKIPPED}
