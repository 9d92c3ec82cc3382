"""The steps of an order's cash flow, told from its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from promenade_order_management.order.entity import Order, OrderStatus
from promenade_order_management.timeline.entity import Entry


class StepStatus(StrEnum):
    """How far a step has come; a skipped one will not happen any more."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: since when it stands as it does, and the last error on the way."""

    name: str
    status: StepStatus
    at: datetime | None = None
    error: str | None = None


# Each step with what ends it and what sets it back; both are kinds of timeline entries.
_STEPS: Sequence[tuple[str, str, frozenset[str]]] = (
    ("order.placed", "order.placed", frozenset()),
    ("invoice.finalized", "invoice.finalized", frozenset({"invoice.rejected"})),
    ("payment.succeeded", "payment.succeeded", frozenset({"payment.failed"})),
    ("invoice.paid", "invoice.paid", frozenset()),
    ("order.confirmed", "order.confirmed", frozenset()),
    ("fulfillment.shipped", "fulfillment.shipped", frozenset({"fulfillment.lost", "fulfillment.returned"})),
    ("fulfillment.delivered", "fulfillment.delivered", frozenset({"fulfillment.undelivered", "fulfillment.lost"})),
    ("order.completed", "order.completed", frozenset()),
)
_OVER = frozenset({OrderStatus.DISCARDED, OrderStatus.EXPIRED, OrderStatus.CANCELLED, OrderStatus.COMPLETED})


def steps_of(order: Order, entries: Sequence[Entry]) -> list[Step]:
    """Every step, in the order in which they happen when all is well."""
    return [_step(order, name, entries, ends, sets_back) for name, ends, sets_back in _STEPS]


def _step(order: Order, name: str, entries: Sequence[Entry], ends: str, sets_back: frozenset[str]) -> Step:
    told = sorted(entries, key=_billings_count)
    last = next((entry for entry in reversed(told) if entry.kind == ends or entry.kind in sets_back), None)
    error = next((entry.facts.get("error") for entry in reversed(told) if entry.kind in sets_back), None)
    if last is not None and last.kind in sets_back:
        return Step(name=name, status=StepStatus.FAILED, at=last.at, error=error)
    if last is None or not _is_whole(order, name):
        status = StepStatus.SKIPPED if order.status in _OVER else StepStatus.WAITING
        return Step(name=name, status=status, at=last.at if last else None, error=error)
    return Step(name=name, status=StepStatus.DONE, at=last.at, error=error)


def _billings_count(entry: Entry) -> int:
    """What billing tells is in the order of its own count, however late it came; the rest as it was written down."""
    return int(entry.facts.get("invoice_sequence", 0))


def _is_whole(order: Order, name: str) -> bool:
    """Goods may travel in parts: those steps are done with the last one."""
    units = [line.units for line in order.lines]
    if name == "fulfillment.shipped":
        return all(each.open == each.allocated == 0 for each in units)
    if name == "fulfillment.delivered":
        return all(each.open == each.allocated == 0 and each.delivered == each.shipped for each in units)
    if name == "payment.succeeded":
        return order.invoice is not None and order.invoice.due.amount <= 0
    return True
