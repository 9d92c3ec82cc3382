"""When a dead process starts again."""

from promenade_local.backoff import Backoff


def test_a_dead_process_starts_at_once_and_then_ever_later():
    """At once, then 0.2 s doubling to 2 s, and 2 s from then on."""
    backoff = Backoff()

    delays = [backoff.after_death(alive=0.1) for _ in range(8)]

    assert delays == [0.0, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


def test_five_seconds_alive_begin_anew():
    """A process that lived 5 s starts at once again, one that lived less does not."""
    backoff = Backoff()
    for _ in range(4):
        backoff.after_death(alive=0.1)

    assert backoff.after_death(alive=4.9) == 1.6
    assert backoff.after_death(alive=5.0) == 0.0
    assert backoff.after_death(alive=0.1) == 0.2
