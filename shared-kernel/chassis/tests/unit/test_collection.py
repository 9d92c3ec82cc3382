"""What collecting tests leaves behind."""

import gc


def test_waiting_tests_are_not_searched_for_garbage() -> None:
    """They are out of the collector's sight; what tests make is not."""
    assert gc.get_freeze_count() > 0
    assert gc.isenabled()
