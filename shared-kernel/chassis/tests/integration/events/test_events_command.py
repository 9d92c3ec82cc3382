"""`python -m promenade_<context> events …` of one service, on real engines."""

import argparse
import json

import pytest
import pytest_asyncio
from promenade_chassis.config import AuthSettings, DatabaseSettings, RedisSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.events_command import add_events_parser, run_events
from promenade_chassis.ports import PermanentError
from promenade_chassis.testing.bus_rig import CONTEXT, PostgresBookkeeping, history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.operator_rig import REACTION, OperatedConsumer, healthy
from promenade_kernel.values.ids import new_id


@pytest_asyncio.fixture
async def consumer(books: PostgresBookkeeping) -> OperatedConsumer:
    """Billing, with one open dead letter."""
    made = OperatedConsumer(books)
    made.trouble = lambda envelope: PermanentError("no such customer")
    await made.deliver(history(1)[0])
    made.trouble = healthy
    return made


@pytest.fixture
def settings(database: Database, redis_url: str) -> Settings:
    """Its own configuration, nothing else."""
    return Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        database=DatabaseSettings(url=database.url),
        redis=RedisSettings(url=redis_url),
    )


async def run(settings: Settings, *words: str) -> int:
    """Run a command as the service does."""
    parser = argparse.ArgumentParser()
    add_events_parser(parser)
    return await run_events(settings, CONTEXT, parser.parse_args(words))


async def letter_of(consumer: OperatedConsumer) -> str:
    """The id of the only dead letter."""
    (row,) = await consumer.rows("SELECT id FROM dead_letter")
    return str(row["id"])


async def test_lag_tells_of_outbox_reactions_and_groups(
    consumer: OperatedConsumer, settings: Settings, capsys: pytest.CaptureFixture[str]
):
    """For people and for programs; with Redis away the rest is still told."""
    await record(consumer.books.database, history(2))

    assert await run(settings, "lag", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["outbox"]["depth"], told["consumer"]["dead_open"], told["groups"]) == (2, 1, [])
    assert await run(settings, "lag") == 0
    assert "2 unpublished" in capsys.readouterr().out
    away = Settings(
        profile="test", auth=settings.auth, database=settings.database, redis=RedisSettings(url="redis://127.0.0.1:1")
    )
    assert await run(away, "lag") == 0
    said = capsys.readouterr()
    assert "2 unpublished" in said.out
    assert "redis is away" in said.err


async def test_a_dead_letter_is_listed_shown_and_replayed(
    consumer: OperatedConsumer, settings: Settings, capsys: pytest.CaptureFixture[str]
):
    """By its id or its event's; once, also when told twice."""
    letter = await letter_of(consumer)

    assert await run(settings, "dead", "list", "--type", "user.*", "--since", "1h") == 0
    listed = capsys.readouterr().out
    assert await run(settings, "dead", "show", letter) == 0
    shown = capsys.readouterr().out
    assert [await run(settings, "dead", "replay", letter) for _ in range(2)] == [0, 0]
    replayed = capsys.readouterr().out

    assert all(word in listed for word in (letter, REACTION, "no such customer", "open"))
    assert all(word in shown for word in ("envelope", '"sequence": 1', "traceback", "PermanentError"))
    assert replayed.splitlines() == [f"{letter}  will run again", f"{letter}  is not open: nothing to do"]
    await consumer.redeliver()
    assert len(await consumer.books.effects()) == 1


async def test_discarding_asks_and_nobody_to_ask_is_a_no(
    consumer: OperatedConsumer,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    """Only --yes, or a yes, closes it."""
    letter = await letter_of(consumer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    assert await run(settings, "dead", "discard", letter, "--reason", "made by a test") == 1
    assert "--yes" in capsys.readouterr().err
    assert await run(settings, "dead", "discard", letter, "--reason", "made by a test", "--yes") == 0

    assert await consumer.rows("SELECT discard_reason FROM dead_letter") == [{"discard_reason": "made by a test"}]
    assert await run(settings, "dead", "list") == 0
    assert "there is no dead letter" in capsys.readouterr().out


async def test_what_cannot_be_done_is_said_in_words(settings: Settings, capsys: pytest.CaptureFixture[str]):
    """An id that nothing has, a time that is none, a database that is away."""
    away = Settings(
        profile="test", auth=settings.auth, database=DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nowhere")
    )

    assert await run(settings, "dead", "show", str(new_id())) == 1
    assert await run(settings, "dead", "list", "--since", "yesterday") == 1
    assert await run(away, "lag") == 1

    said = capsys.readouterr().err.splitlines()
    assert ["there is no dead letter" in said[0], "'yesterday' is no time" in said[1]] == [True, True]
    assert all(line.startswith("billing: ") for line in said)
