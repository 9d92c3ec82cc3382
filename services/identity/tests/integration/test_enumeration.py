"""Whether an address is registered can be learned from no answer and from no time an answer takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
import pytest
from identity_service import active_user, furnished, settings_for
from identity_statistics import mann_whitney, median_difference
from identity_strangers import (
    QUESTIONS,
    STATES,
    WARM_UP,
    Addresses,
    Question,
    Seen,
    addresses_for,
    ask,
    identity_process,
)
from promenade_chassis.config import Settings

TRIES, ROUNDS = 200, 3
CLOSE, LIKELY = 0.05, 0.01


@pytest.fixture
async def template(database_url: str, redis_url: str, tmp_path: Path) -> str:
    """The address of an active user, whose password was hashed at its real cost."""
    settings: Settings = settings_for(
        database_url, redis_url, mail={"directory": str(tmp_path / "mails")}, passwords={}
    )
    async with furnished(settings) as (rooms, _):
        return await active_user(rooms)


@pytest.fixture
def port(database_url: str, redis_url: str, tmp_path: Path, template: str) -> Iterator[int]:
    """The port of a real process, started once there is a user."""
    with identity_process(tmp_path, database_url, redis_url) as port:
        yield port


@dataclass
class Asker:
    """One question with users of its own to ask it for."""

    question: Question
    addresses: Addresses
    port: int

    def ask(self, tries: int, states: Sequence[str] = STATES) -> Seen:
        return ask(self.question, self.addresses, self.port, tries, states)


@contextmanager
def askers(database_url: str, template: str, port: int, *, tries: int) -> Iterator[list[Asker]]:
    """Who may ask every question so many times."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield [Asker(each, addresses_for(each, connection, template, deleted=tries), port) for each in QUESTIONS]


def different(seen: Seen) -> dict[str, str]:
    """The states whose times are not those of the unknown address, and what says so."""
    reference, found = seen.times["unknown"], dict[str, str]()
    for state, times in seen.times.items():
        apart, likely = median_difference(times, reference), mann_whitney(times, reference)
        if apart >= CLOSE or likely <= LIKELY:
            found[state] = f"{state}: {median(times):.2f} ms against {median(reference):.2f} ms, p = {likely:.5f}"
    return found


def test_answers_are_the_same_to_the_byte(database_url: str, template: str, port: int) -> None:
    """Status, headers and body of every question for every state; ids and dates alone differ."""
    with askers(database_url, template, port, tries=1) as all_askers, ThreadPoolExecutor(len(all_askers)) as threads:
        asked = {asker.question.name: threads.submit(asker.ask, 1) for asker in all_askers}
        seen = {name: future.result().answers for name, future in asked.items()}

    assert {name: len(answers) for name, answers in seen.items()} == {question.name: 1 for question in QUESTIONS}
    assert {name: {status for status, _, _ in answers} for name, answers in seen.items()} == {
        "login": {401},
        "register": {202},
        "verify": {422},
        "resend": {202},
        "forgot": {202},
        "reset": {422},
    }


@pytest.mark.long
def test_answers_take_the_same_time(database_url: str, template: str, port: int) -> None:
    """200 interleaved tries of each state: medians less than 5 % from the unknown address's, Mann-Whitney p > 0.01.

    Times that are the same fail a test at p = 0.01 once in a hundred times, and there are thirty of them here: one
    round alone would fail one run in four for nothing. So a state that looks different is asked for again, up to two
    times with fresh tries, and counts as different when it was so in all three: by chance once in a million. What it
    costs: a difference so small that 200 tries show it in only half of the rounds is found in one run of eight.
    One that an attacker could use is larger, and shows in each.
    """
    tries = ROUNDS * (WARM_UP + TRIES)
    with (
        askers(database_url, template, port, tries=tries) as all_askers,
        ThreadPoolExecutor(len(all_askers)) as threads,
    ):
        suspects: dict[str, dict[str, str]] = {asker.question.name: dict.fromkeys(STATES, "") for asker in all_askers}
        for _ in range(ROUNDS):
            asked = {a.question.name: threads.submit(a.ask, TRIES, tuple({"unknown": "", **suspects[a.question.name]}))
                     for a in all_askers if suspects[a.question.name]}  # fmt: skip
            looks_different = {name: different(future.result()) for name, future in asked.items()}
            suspects = {asker.question.name: looks_different.get(asker.question.name, {}) for asker in all_askers}
            print("looks different:", suspects)

    assert suspects == {asker.question.name: {} for asker in all_askers}


@pytest.mark.long
def test_without_the_pace_the_times_would_tell(
    database_url: str, redis_url: str, tmp_path: Path, template: str
) -> None:
    """The same eyes see the difference where nothing hides it: what they do not find above is not there."""
    with (
        identity_process(tmp_path, database_url, redis_url, answer_after_ms=0) as port,
        askers(database_url, template, port, tries=WARM_UP + TRIES) as all_askers,
    ):
        verifying = next(asker for asker in all_askers if asker.question.name == "verify")

        seen = verifying.ask(TRIES, ("unknown", "pending"))

    assert "pending" in different(seen)
