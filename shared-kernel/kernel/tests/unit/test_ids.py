"""Identifiers against RFC 9562."""

import os
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from uuid import RFC_4122, UUID, SafeUUID

import pytest
import uuid6
from promenade_kernel.values import ids
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.ids import new_event_id, new_id, new_id_text, parse_id


def _milliseconds(made: UUID) -> int:
    return made.int >> 80


def test_reads_time_as_the_rfc_example_has_it():
    """The test vector of RFC 9562 A.6 is read as its text says: 2022-02-22T19:22:22Z."""
    assert _milliseconds(UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")) == 1645557742000


def test_makes_the_rfc_example_of_its_time_and_bits(monkeypatch: pytest.MonkeyPatch):
    """A.6 the other way: its millisecond and its 74 random bits, laid out by our generator, give its very bytes."""
    example = parse_id("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
    monkeypatch.setattr(time, "time_ns", lambda: 1_645_557_742_000 * 10**6)
    generator = ids._Generator()  # pyright: ignore[reportPrivateUsage]
    generator.next()
    generator._tail = (rand_a << 62 | rand_b) - 2  # pyright: ignore[reportPrivateUsage]
    generator._steps = iter([1])  # pyright: ignore[reportPrivateUsage]

    made = generator.next()

    assert made == example
    assert made.hex == "017f22e279b07cc398c4dc0c0c07398f"
    assert (made.version, made.variant) == (7, RFC_4122)


def test_the_fields_stand_where_the_rfc_puts_them():
    """5.7: 48 bits of time, the version, 12 random bits, the variant, 62 random bits; read off an id just made."""
    bits = f"{new_id().int:0128b}"

    assert int(bits[:48], 2) <= time.time_ns() // 1_000_000 + 1
    assert bits[48:52] == "0111"
    assert bits[64:66] == "10"
    assert len(bits[52:64] + bits[66:]) == 74


@pytest.mark.parametrize("make_id", [new_id, new_event_id])
def test_is_a_version_7_uuid_of_now(make_id: Callable[[], UUID]):
    """Version, variant and time are where the RFC puts them."""
    before = time.time_ns() // 1_000_000

    made = make_id()

    after = time.time_ns() // 1_000_000
    assert type(made) is UUID
    assert made.version == 7
    assert made.variant == RFC_4122
    assert before <= _milliseconds(made) <= after + 1
    assert uuid6.UUID(int=made.int).time == _milliseconds(made)


def test_a_burst_stays_in_its_time():
    """Ten thousand ids in a moment are not ahead of it: other processes' ids sort beside them."""
    made = [new_id() for _ in range(10_000)]

    assert _milliseconds(made[-1]) <= time.time_ns() // 1_000_000 + 1


@pytest.mark.parametrize("make_id", [new_id, new_event_id])
def test_behaves_as_any_other_uuid(make_id: Callable[[], UUID]):
    """An id equals, hashes and prints as the UUID its text reads as."""
    made = make_id()
    twin = UUID(str(made))

    assert twin == made
    assert hash(twin) == hash(made)
    assert made.is_safe is SafeUUID.unknown
    assert UUID(bytes=made.bytes) == made


@pytest.mark.parametrize("make_id", [new_id, new_event_id])
def test_ascends_in_one_process(make_id: Callable[[], UUID]):
    """Ids sort by creation, as numbers and as texts, also within a millisecond."""
    made = [make_id() for _ in range(50_000)]

    assert all(left < right for left, right in pairwise(made))
    assert all(str(left) < str(right) for left, right in pairwise(made))


@pytest.mark.parametrize("make_id", [new_id, new_event_id])
def test_never_repeats_across_threads(make_id: Callable[[], UUID]):
    """Threads share one sequence."""
    made: list[list[UUID]] = [[] for _ in range(4)]

    def make(into: list[UUID]) -> None:
        into.extend(make_id() for _ in range(5_000))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({each for into in made for each in into}) == 20_000
    assert all(left < right for into in made for left, right in pairwise(into))


def test_never_goes_back_with_the_clock(monkeypatch: pytest.MonkeyPatch):
    """A clock set back by an hour does not make smaller ids."""
    before = new_event_id()
    an_hour_ago = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: an_hour_ago)

    after = [new_event_id() for _ in range(100)]

    assert before < after[0]
    assert all(left < right for left, right in pairwise(after))


def test_a_full_millisecond_takes_the_next(monkeypatch: pytest.MonkeyPatch):
    """When the tail of a millisecond overflows, ids go on in the next one."""
    generator = ids._Generator()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(time, "time_ns", lambda: 1_645_557_742_000 * 10**6)
    first = generator.next()
    generator._tail = (1 << 74) - 1  # pyright: ignore[reportPrivateUsage]

    second = generator.next()

    assert _milliseconds(second) == _milliseconds(first) + 1
    assert second.version == 7
    assert second.variant == RFC_4122


def test_random_bits_differ_between_processes():
    """Two generators at the same time do not meet."""
    tails = {ids._Generator().next().int & ((1 << 62) - 1) for _ in range(1_000)}  # pyright: ignore[reportPrivateUsage]

    assert len(tails) == 1_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_makes_other_ids(monkeypatch: pytest.MonkeyPatch):
    """A child does not repeat what its parent makes, not even in the same millisecond."""
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    new_event_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"".join(new_event_id().bytes for _ in range(100)))
        os._exit(0)

    mine = {new_event_id().bytes for _ in range(100)}

    os.waitpid(child, 0)
    data = os.read(reading, 1_600)
    theirs = {data[index : index + 16] for index in range(0, len(data), 16)}
    assert len(theirs) == 100
    assert not mine & theirs


def test_parses_the_canonical_form():
    """An id is read from the text it prints, in either case."""
    made = new_event_id()

    assert parse_id(str(made)) == made
    assert parse_id(str(made).upper()) == made


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "017F22E279B07CC398C4DC0C0C07398F",
        "{017F22E2-79B0-7CC3-98C4-DC0C0C07398F}",
        "urn:uuid:017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398G",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F\n",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398",
        "017F-22E279B0-7CC3-98C4-DC0C0C07398F",
        "٠17F22E2-79B0-7CC3-98C4-DC0C0C07398F",
    ],
)
def test_refuses_other_forms(text: str):
    """Braces, URNs, missing hyphens and other digits are no ids."""
    with pytest.raises(InvalidValue) as caught:
        parse_id(text)

    assert caught.value.code == "invalid-id"


def test_an_id_as_text_is_one_of_the_same_sequence():
    """In the canonical form, and greater than what was made before."""
    before = new_id()

    text = new_id_text()

    assert str(parse_id(text)) == text
    assert before < parse_id(text) < new_id()
