"""Principals, aggregates, causes and pages: the pure part of the chassis."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

import pytest
from promenade_chassis.ports import (
    Aggregate,
    Fault,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Principal,
    current_cause,
    invalid_field,
    use_cause,
    utc_now,
)
from promenade_kernel.events.envelope import Cause
from promenade_kernel.events.identity import UserReinstated


@pytest.mark.parametrize(
    ("held", "may"),
    [
        (set[str](), False),
        ({"orders:read"}, True),
        ({"orders:*"}, True),
        ({"*:*"}, True),
        ({"orders:write"}, False),
        ({"order:*"}, False),
        ({"*"}, False),
        ({"orders"}, False),
        ({"*:read"}, False),
    ],
)
def test_a_permission_is_held_by_name_or_wildcard(held: set[str], may: bool) -> None:
    """`resource:*` and `*:*` count, nothing else does."""
    principal = Principal(id=uuid4(), permissions=frozenset(held))

    assert principal.may("orders:read") is may
    if may:
        principal.require("orders:read")
    else:
        with pytest.raises(Forbidden, match="orders:read"):
            principal.require("orders:read")


def test_a_user_reaches_what_is_his_own() -> None:
    """His own things without a permission, others' with one, and nobody's never by accident."""
    user, staff = Principal(id=uuid4()), Principal(id=uuid4(), permissions=frozenset({"orders:read"}))

    assert user.reaches(user.id, "orders:read")
    assert not user.reaches(staff.id, "orders:read")
    assert not user.reaches(None, "orders:read")
    assert staff.reaches(user.id, "orders:read")
    assert staff.reaches(None, "orders:read")


def test_somebody_elses_thing_is_not_found() -> None:
    """404 and not 403: whether it exists is none of his business."""
    user = Principal(id=uuid4())

    user.require_reach(user.id, "orders:read", "order")
    with pytest.raises(NotFound, match="There is no such order"):
        user.require_reach(uuid4(), "orders:read", "order")


def test_an_aggregate_keeps_its_facts_until_it_is_saved() -> None:
    """Facts wait in order; saving hands them over and takes the new counts."""
    aggregate = Aggregate()
    first, second = UserReinstated(user_id=uuid4()), UserReinstated(user_id=uuid4())
    aggregate.record(first)
    aggregate.record(second)
    now = utc_now()

    recorded = aggregate.recorded()
    aggregate.mark_saved(version=1, last_sequence=2, updated_at=now)

    assert recorded == (first, second)
    assert aggregate.recorded() == ()
    assert (aggregate.version, aggregate.last_sequence, aggregate.updated_at) == (1, 2, now)


def test_a_stored_aggregate_is_as_its_row_tells() -> None:
    """As the constructor makes it; it can record, and a row with other fields is refused."""
    made = Aggregate(version=3)
    row = {name: getattr(made, name) for name in ("id", "version", "last_sequence", "created_at", "updated_at")}

    stored = Aggregate.stored({**row, "deleted_at": None})
    stored.record(UserReinstated(user_id=made.id))

    assert stored == made
    assert (len(stored.recorded()), len(made.recorded())) == (1, 0)
    with pytest.raises(TypeError, match="deleted_at"):
        Aggregate.stored(row)
    with pytest.raises(TypeError, match="colour"):
        Aggregate.stored({**row, "deleted_at": None, "colour": "red"})


@pytest.mark.parametrize("expected", [None, 3])
def test_the_expected_version_passes(expected: int | None) -> None:
    """No If-Match, or the present version."""
    Aggregate(version=3).expect_version(expected)


@pytest.mark.parametrize("expected", [0, 2, 4])
def test_another_version_is_refused(expected: int) -> None:
    """412 for any other."""
    with pytest.raises(PreconditionFailed):
        Aggregate(version=3).expect_version(expected)


def test_a_single_fault_is_also_the_detail() -> None:
    """One fault explains the whole problem; of several none does."""
    one = invalid_field("/a", "too-long", "This is too long")
    two = Invalid([*one.faults, Fault("/b", "This as well", "too-long")])

    assert one.detail == "This is too long"
    assert two.detail == Invalid.title


def test_a_cause_holds_inside_its_block() -> None:
    """Blocks nest and end, also by an exception; outside, every piece of work is its own cause."""
    outer, inner = Cause("process", "request", None, "ada"), Cause("process", "event", None, None)

    with use_cause(outer):
        with suppress(LookupError), use_cause(inner):
            assert current_cause() == inner
            raise LookupError
        assert current_cause() == outer
    first, second = current_cause(), current_cause()

    assert first.correlation_id == first.causation_id
    assert first.correlation_id != second.correlation_id


async def test_causes_of_parallel_work_do_not_mix() -> None:
    """Two requests at once each keep their own."""
    both_inside = asyncio.Barrier(2)

    async def work(name: str) -> str:
        with use_cause(Cause(name, name)):
            await both_inside.wait()
            return current_cause().correlation_id

    assert await asyncio.gather(work("a"), work("b")) == ["a", "b"]
