"""`promenade events` on a running stack: an order's process, a reaction that is broken and mended, a poison message."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Generator, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from e2e_stack import Silence, Stack, running_stack
from promenade_chassis.testing.polling import eventually, eventually_blocking, stretched
from promenade_kernel.values.ids import new_id
from promenade_local import event_commands
from promenade_local.names import NAMES
from promenade_local.state import StackState
from promenade_local.story import tell
from typer.testing import CliRunner

_REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the printer is broken'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION refuse();
"""
_MEND = "DROP TRIGGER refuse ON invoice; DROP FUNCTION refuse"


@pytest.fixture(scope="module")
def operated() -> Generator[Stack, None, None]:
    """A stack whose reactions give up after two attempts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMENADE_EVENTS__ATTEMPTS", "2")
        with running_stack() as running:
            yield running


def state_of(stack: Stack) -> StackState:
    state = StackState.read(stack.home / "state.json")
    assert state is not None
    return state


def database_of(stack: Stack, name: str) -> psycopg.Connection[Any]:
    (port,) = (row.port for row in state_of(stack).processes if row.name == "postgres")
    return psycopg.connect(f"postgresql://{name}@127.0.0.1:{port}/{name}", autocommit=True)


def events(stack: Stack, *arguments: str) -> str:
    """`promenade events …` inside this process: importing it anew would be most of the time."""
    done = CliRunner().invoke(event_commands.app, arguments, env={"PROMENADE_HOME": str(stack.home)})
    assert done.exit_code == 0, done.output + str(done.exception)
    return done.stdout


def open_letters(stack: Stack, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(events(stack, "dead", "list", "--json", *arguments))["dead_letters"]


def put_poison(stack: Stack) -> UUID:
    """An `order.placed.v1` without any of its fields, recorded and published like every other."""
    event_id, subject = new_id(), new_id()
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/promenade/order-management",
        "type": "order.placed.v1",
        "subject": str(subject),
        "time": "2026-01-31T12:00:00Z",
        "datacontenttype": "application/json",
        "data": {},
        "sequence": 1,
        "correlationid": str(new_id()),
        "causationid": "test",
    }
    with database_of(stack, "order_management") as connection:
        connection.execute(
            "INSERT INTO outbox (event_id, subject, sequence, major, type, envelope)"
            " VALUES (%(id)s, %(subject)s, 1, 1, 'order.placed.v1', %(envelope)s)",
            {"id": event_id, "subject": subject, "envelope": json.dumps(envelope).encode()},
        )
    return event_id


async def test_a_broken_reaction_is_found_mended_and_replayed_and_the_story_goes_on(operated: Stack) -> None:
    """No invoice can be made; the customer waits. The operator finds why, mends it, replays, and the order is paid."""
    with database_of(operated, "billing") as billing:
        billing.execute(_REFUSE)
    story = asyncio.create_task(tell(operated.scene(Silence())))

    letter = await eventually(lambda: _the_only_letter(operated), within=20)
    assert letter["reaction"] == "billing.on_order_placed"
    assert "the printer is broken" in letter["reason"]
    shown = await asyncio.to_thread(events, operated, "dead", "show", letter["id"])
    assert "RaiseException" in shown
    assert '"order_id"' in shown
    with database_of(operated, "billing") as billing:
        billing.execute(_MEND)
    assert "will run again" in await asyncio.to_thread(events, operated, "dead", "replay", letter["id"])

    order = await story
    assert order["status"] == "completed"
    assert "nothing to do" in await asyncio.to_thread(events, operated, "dead", "replay", letter["id"])
    with database_of(operated, "billing") as billing:
        found = billing.execute("SELECT count(*) FROM invoice WHERE order_id = %(id)s", {"id": order["id"]}).fetchone()
    assert found == (1,)
    await asyncio.to_thread(_assert_traced, operated, order)
    await asyncio.to_thread(_assert_shown, operated, letter["event_id"])


async def _the_only_letter(stack: Stack) -> dict[str, Any]:
    letters = await asyncio.to_thread(open_letters, stack)
    (letter,) = (each for each in letters if "printer" in each["reason"])
    return letter


def _assert_traced(stack: Stack, order: dict[str, Any]) -> None:
    """By its number and by its id: from placed to paid, each event under its cause, across services."""
    processes = json.loads(events(stack, "trace", order["number"], "--json"))["processes"]
    types = [step["event"]["envelope"]["type"] for process in processes for step in process["steps"]]
    assert {"order.placed.v1", "invoice.finalized.v1", "invoice.paid.v1", "order.confirmed.v1"} <= set(types)
    steps = {step["event"]["envelope"]["type"]: step for process in processes for step in process["steps"]}
    assert steps["order.placed.v1"]["depth"] == 0
    assert steps["invoice.finalized.v1"]["depth"] == 1
    reactions = {each["reaction"]["reaction"] for each in steps["invoice.finalized.v1"]["reactions"]}
    assert "order-management.on_invoice_finalized" in reactions
    text = events(stack, "trace", order["id"])
    assert "order.completed.v1" in text
    assert "→ customer-management.on_order_completed" in text


def _assert_shown(stack: Stack, event_id: str) -> None:
    shown = json.loads(events(stack, "show", event_id, "--json"))
    states = {
        (consumer["context"], reaction["state"])
        for consumer in shown["consumers"]
        for reaction in consumer["reactions"]
    }
    assert {("billing", "handled"), ("billing", "replayed"), ("customer-management", "handled")} <= states
    text = events(stack, "show", event_id)
    assert "does not listen" in text
    assert "after it was recorded" in text


def test_a_poison_message_is_given_up_at_once_and_discarded_with_a_reason(operated: Stack) -> None:
    """Both consumers have it among their dead letters; replaying changes nothing; discarded, the rows stay."""
    event_id = put_poison(operated)

    def both() -> list[dict[str, Any]]:
        letters = [
            each for each in open_letters(operated, "--type", "order.placed") if each["event_id"] == str(event_id)
        ]
        assert sorted(each["context"] for each in letters) == ["billing", "customer-management"]
        return letters

    eventually_blocking(both, within=20)
    assert events(operated, "dead", "replay", str(event_id)).count("will run again") == 2
    eventually_blocking(both, within=20)
    refused = operated.promenade("events", "dead", "discard", str(event_id), "--reason", "a test made it")
    assert refused.returncode == 1
    assert "--yes" in refused.stderr

    discarded = events(operated, "dead", "discard", str(event_id), "--reason", "a test made it", "--yes")

    assert discarded.count("discarded") == 2
    assert not [each for each in open_letters(operated) if each["event_id"] == str(event_id)]
    closed = [each for each in open_letters(operated, "--closed") if each["event_id"] == str(event_id)]
    assert {each["discard_reason"] for each in closed} == {"a test made it"}


def test_published_again_nothing_happens_twice(operated: Stack) -> None:
    """All that Identity ever recorded comes once more, and is acknowledged by everybody in the end."""
    with database_of(operated, "customer_management") as consumer:
        before = consumer.execute("SELECT count(*) FROM customer").fetchone()

    told = events(operated, "replay", "--context", "identity", "--since", "1h")

    assert "of identity will be published again" in told
    assert not told.startswith("0 ")

    def quiet() -> None:
        lag = json.loads(events(operated, "lag", "--json"))
        assert all(outbox["depth"] == 0 for outbox in lag["outboxes"])
        assert all(group["pending"] == 0 and group["lag"] == 0 for each in lag["streams"] for group in each["groups"])

    eventually_blocking(quiet, within=20)
    with database_of(operated, "customer_management") as consumer:
        assert consumer.execute("SELECT count(*) FROM customer").fetchone() == before


def test_the_last_events_are_told_in_order_and_filtered(operated: Stack) -> None:
    """A line each for programs; a type with a star; a context that does not exist is named in the answer."""
    lines = events(operated, "tail", "-n", "5", "--no-follow", "--json", "--type", "user.*").splitlines()

    recorded = [json.loads(line) for line in lines]
    assert 0 < len(recorded) <= 5
    assert all(each["envelope"]["type"].startswith("user.") for each in recorded)
    assert [each["recorded_at"] for each in recorded] == sorted(each["recorded_at"] for each in recorded)
    wrong = operated.promenade("events", "tail", "--no-follow", "--context", "biling")
    assert (wrong.returncode, "order-management" in wrong.stderr) == (1, True)


def test_what_is_recorded_is_told_live_until_ctrl_c(operated: Stack) -> None:
    """An event is on the screen a moment after its commit, nothing older is; Ctrl-C ends it with status 0."""
    older, newer = put_poison(operated), list[UUID]()
    tail = subprocess.Popen(
        [sys.executable, "-m", "promenade_local", "events", "tail", "--json", "--type", "order.placed"],
        env={**os.environ, "PROMENADE_HOME": str(operated.home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told: list[str] = []
        listening = threading.Thread(target=lambda: told.append(_first_line(tail)))
        listening.start()

        def heard() -> str:
            if not told:  # when it begins to listen, only what it tells can tell
                newer.append(put_poison(operated))
            return told[0]

        first = json.loads(eventually_blocking(heard, within=90, every=0.5))["envelope"]["id"]
        tail.send_signal(signal.SIGINT)
        assert tail.wait(stretched(60)) == 0
    finally:
        tail.kill()
        listening.join()
    assert first in [str(each) for each in newer]
    assert first != str(older)


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_metrics_show_the_backbone(operated: Stack) -> None:
    """A service's admin port has the gauges of its outbox and of the groups on its stream."""

    group = 'context="order-management",group="billing",stream="promenade.order-management"'

    def scraped() -> None:
        text = next(text for text in _metrics(operated) if 'promenade_outbox_depth{context="order-management"}' in text)
        assert 'promenade_dead_letters_open{context="order-management"} 0.0' in text
        # What the test before recorded may have been on its way when the service looked last.
        assert f"promenade_stream_lag{{{group}}} 0.0" in text
        assert f"promenade_stream_pending{{{group}}} 0.0" in text

    eventually_blocking(scraped, within=40)


def _metrics(stack: Stack) -> Iterator[str]:
    """What every admin port of the stack answers: they follow the seven others."""
    for port in range(stack.port + len(NAMES), stack.port + 2 * len(NAMES) + 4):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                yield answer.read().decode()
        except OSError:
            continue
