"""Log files stay small and can be followed."""

from pathlib import Path

from promenade_local.follow import Follower, print_tails
from promenade_local.logfiles import rotate, tail


def test_a_large_log_is_moved_aside(tmp_path: Path):
    """What was in it is in `.1`; the file itself goes on from empty."""
    log = tmp_path / "billing.log"
    log.write_text("x" * 100)

    rotate(log, largest=50)

    assert log.read_text() == ""
    assert (tmp_path / "billing.log.1").read_text() == "x" * 100


def test_a_process_goes_on_writing_after_a_rotation(tmp_path: Path):
    """It holds the file open; its next line is the first of the new file."""
    log = tmp_path / "billing.log"
    with log.open("ab", buffering=0) as process:
        process.write(b"old\n")
        rotate(log, largest=1)
        process.write(b"new\n")

    assert log.read_text() == "new\n"


def test_a_small_log_stays(tmp_path: Path):
    """Nothing happens to it, nor to one that is not there."""
    log = tmp_path / "billing.log"
    log.write_text("few")

    rotate(log)
    rotate(tmp_path / "missing.log")

    assert [entry.name for entry in tmp_path.iterdir()] == ["billing.log"]


def test_the_tail_is_the_last_lines(tmp_path: Path):
    """Also of a file that is not text throughout."""
    log = tmp_path / "billing.log"
    log.write_bytes(b"one\ntwo\n\xff\nfour\n")

    assert tail(log, 2) == ["\ufffd", "four"]
    assert tail(log, 0) == []
    assert tail(tmp_path / "missing.log", 3) == []


def test_following_shows_whole_new_lines_also_after_a_rotation(tmp_path: Path):
    """A line comes when it is complete, and none is shown twice."""
    log = tmp_path / "billing.log"
    log.write_text("before\n")
    follower = Follower(log)

    with log.open("ab", buffering=0) as process:
        process.write(b"first\nsec")
        first = follower.fresh_lines()
        process.write(b"ond\n")
        second = follower.fresh_lines()
        rotate(log, largest=1)
        process.write(b"third\n")
        third = follower.fresh_lines()

    assert (first, second, third) == (["first"], ["second"], ["third"])


def test_all_logs_together_name_each_line(tmp_path: Path):
    """One log alone needs no names."""
    (tmp_path / "billing.log").write_text("line\n")
    said: list[str] = []

    print_tails([tmp_path / "billing.log", tmp_path / "missing.log"], 5, said.append, named=True)
    print_tails([tmp_path / "billing.log"], 5, said.append, named=False)

    assert said == ["billing              | line", "line"]
