"""Lanes: in order within a subject, concurrent across subjects."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest
from promenade_chassis.events import lanes as lanes_module
from promenade_chassis.events.lanes import Lanes, inside_lane
from promenade_chassis.events.outcome import DONE, Again, Done
from promenade_chassis.testing.polling import eventually
from psycopg.errors import UniqueViolation
from structlog.testing import capture_logs

REFUSED = UniqueViolation("duplicate key\nDETAIL:  Key (email)=(ada@example.org) already exists.")

Work = tuple[str, int]
HandleOne = Callable[[Work], Awaitable[Done | Again]]


@asynccontextmanager
async def running(handle: HandleOne, count: int = 2, batch: int = 1) -> AsyncGenerator[Lanes[Work], None]:
    """Lanes for the length of a block; each work is handled by itself, of a batch what waits holds up its subject."""

    async def handle_all(works: Sequence[Work]) -> list[Done | Again]:
        waiting: dict[str, Again] = {}
        outcomes: list[Done | Again] = []
        for work in works:
            outcome = waiting.get(work[0]) or await handle(work)
            if isinstance(outcome, Again):
                waiting[work[0]] = outcome
            outcomes.append(outcome)
        return outcomes

    lanes = Lanes[Work](handle_all, count, subject=lambda work: work[0], rank=lambda work: work[1], batch=batch)
    lanes.start()
    try:
        yield lanes
    finally:
        await lanes.stop()


def recording(done: list[Work], *outcomes: Done | Again) -> Callable[[Work], Awaitable[Done | Again]]:
    """Answers the outcomes first, then DONE, which it records."""
    answers = list(outcomes)

    async def handle(work: Work) -> Done | Again:
        await asyncio.sleep(0)
        outcome = answers.pop(0) if answers else DONE
        if isinstance(outcome, Done):
            done.append(work)
        return outcome

    return handle


@pytest.mark.parametrize("batch", [1, 7, 500])
async def test_a_subject_is_handled_in_order(batch: int):
    """Whatever else is under way, numbers of one subject never overtake each other."""
    done: list[Work] = []
    async with running(recording(done), count=3, batch=batch) as lanes:
        for number in range(50):
            for subject in "abcde":
                lanes.put([(subject, number)])
        assert await lanes.drain(5)

    for subject in "abcde":
        assert [number for name, number in done if name == subject] == list(range(50))


@pytest.mark.parametrize("batch", [1, 3, 500])
async def test_what_pauses_holds_up_its_subject_only(batch: int):
    """In one and the same lane the others go on, and what follows of the subject waits behind it."""
    done: list[Work] = []
    async with running(recording(done, Again(0.3)), count=1, batch=batch) as lanes:
        for work in (("slow", 1), ("slow", 2), ("quick", 1), ("quick", 2)):
            lanes.put([work])
        await eventually(lambda: _equal(len(done), 4))

    assert done == [("quick", 1), ("quick", 2), ("slow", 1), ("slow", 2)]


async def test_what_another_waits_for_goes_before_it():
    """An earlier event that comes late, from a replica that died, is not stuck behind the one that waits for it."""
    done: list[Work] = []

    async def handle(work: Work) -> Done | Again:
        if work[1] > len(done) + 1:
            return Again(60)
        done.append(work)
        return DONE

    async with running(handle, count=1) as lanes:
        lanes.put([("a", 3)])
        lanes.put([("a", 2)])
        assert await lanes.drain(5)
        lanes.put([("a", 1)])
        assert await lanes.drain(5)

    assert done == [("a", 1), ("a", 2), ("a", 3)]


async def test_a_batch_takes_all_that_is_ready_and_no_more_than_it_may():
    """Several works of a subject go together; the rest of a long one is left for the next batch."""
    sizes: list[int] = []

    async def handle(works: Sequence[Work]) -> None:
        sizes.append(len(works))

    lanes = Lanes[Work](handle, 1, subject=lambda work: work[0], rank=lambda work: work[1], batch=10)
    for subject in "abc":
        for number in range(4):
            lanes.put([(subject, number)])
    lanes.start()
    assert await lanes.drain(5)
    await lanes.stop()

    assert sizes == [10, 2]


async def test_what_answers_at_once_is_handled_in_the_next_batch():
    """A pause of nothing is no timer."""
    done: list[Work] = []
    async with running(recording(done, Again(0.0)), count=1, batch=500) as lanes:
        lanes.put([("a", 1)])
        lanes.put([("a", 2)])
        assert await lanes.drain(5)

    assert done == [("a", 1), ("a", 2)]


async def test_two_subjects_are_handled_at_the_same_time():
    """One that waits for the other in another lane gets what it waits for."""
    first, second = asyncio.Event(), asyncio.Event()

    async def handle(work: Work) -> Done | Again:
        (first if work[1] == 0 else second).set()
        await (second if work[1] == 0 else first).wait()
        return DONE

    async with running(handle, count=2) as lanes:
        in_another_lane = next(name for name in "bcdefghijklmnopqrstuvwxyz" if hash(name) % 2 != hash("a") % 2)
        lanes.put([("a", 0)])
        lanes.put([(in_another_lane, 1)])
        assert await lanes.drain(5)


@pytest.fixture
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fault of the plumbing it is tried again before long."""
    monkeypatch.setattr(lanes_module, "_AFTER_A_FAULT", Again(0.1))


@pytest.mark.usefixtures("soon_again")
async def test_a_fault_of_the_plumbing_does_not_end_the_lane():
    """The work that failed is not dropped, and others are handled meanwhile."""
    calls: list[Work] = []

    async def handle(work: Work) -> Done | Again:
        calls.append(work)
        if calls.count(("bad", 1)) == 1 and work == ("bad", 1):
            raise OSError("the plumbing")
        return DONE

    async with running(handle, count=1) as lanes:
        lanes.put([("bad", 1)])
        lanes.put([("good", 1)])
        await eventually(lambda: _equal(calls, [("bad", 1), ("good", 1), ("bad", 1)]))


@pytest.mark.usefixtures("soon_again")
async def test_a_fault_of_the_plumbing_is_logged_with_its_place_and_nobodys_data():
    """PostgreSQL quotes the row that it refused; class, SQLSTATE, file and line say as much."""
    calls: list[Work] = []

    async def handle(work: Work) -> Done | Again:
        calls.append(work)
        if len(calls) == 1:
            raise REFUSED
        return DONE

    with capture_logs() as said:
        async with running(handle, count=1) as lanes:
            lanes.put([("a", 1)])
            await eventually(lambda: _equal(calls, [("a", 1), ("a", 1)]))

    (line,) = said
    assert (line["event"], line["error"]) == ("lane.failed", "UniqueViolation 23505")
    assert "test_lanes.py" in line["trace"]
    assert "ada@" not in str(line)


async def test_drain_leaves_what_pauses():
    """Paused work is remembered elsewhere; waiting for it would hold up a shutdown."""

    async def handle(work: Work) -> Done | Again:
        return Again(60)

    async with running(handle) as lanes:
        lanes.put([("a", 1)])

        assert await lanes.drain(5)


async def test_drain_says_when_it_was_not_enough():
    """A deadline is a deadline."""

    async def handle(work: Work) -> Done | Again:
        await asyncio.Event().wait()
        return DONE

    async with running(handle) as lanes:
        lanes.put([("a", 1)])

        assert not await lanes.drain(0.05)


async def test_work_that_never_waits_leaves_room_for_others():
    """A lane full of quick work does not keep the event loop to itself."""
    handled = 0

    async def handle(work: Work) -> Done | Again:
        nonlocal handled
        handled += 1
        return DONE

    async with running(handle, count=1) as lanes:
        for number in range(10_000):
            lanes.put([("", number)])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen = handled

    assert 0 < seen < 10_000


async def test_lanes_begin_in_an_empty_context():
    """They inherit nobody's transaction, and what they call knows that it is inside a reaction."""
    inherited: ContextVar[str] = ContextVar("inherited", default="nothing")
    inherited.set("a transaction")
    seen: list[tuple[str, bool]] = []

    async def handle(work: Work) -> Done | Again:
        seen.append((inherited.get(), inside_lane()))
        return DONE

    async with running(handle) as lanes:
        lanes.put([("a", 1)])
        assert await lanes.drain(5)

    assert seen == [("nothing", True)]
    assert not inside_lane()


def _equal(left: object, right: object) -> None:
    assert left == right


async def test_what_comes_soon_after_is_gathered_and_what_comes_after_a_rest_is_not():
    """One handling for all that arrives within the pause; the first does not wait for it."""
    handled: list[list[int]] = []

    async def handle(works: Sequence[Work]) -> None:
        handled.append([number for _, number in works])

    lanes = Lanes[Work](handle, 1, subject=lambda work: work[0], rank=lambda work: work[1], gather=2.0)
    lanes.start()
    lanes.put([("a", 1)])
    await eventually(lambda: _equal(handled, [[1]]), within=1)
    lanes.put([("a", 2)])
    await asyncio.sleep(0)
    lanes.put([("b", 3)])

    assert await lanes.drain(20)
    await lanes.stop()

    assert handled == [[1], [2, 3]]
