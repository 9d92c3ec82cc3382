"""`python -m promenade_<context> events …`: one service's part of the event backbone, with its own settings alone.

The one-machine stack's `promenade events` shows all services at once; this is what there is inside an image.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import psycopg
from promenade_kernel.events.registry import all_events, context_of
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from redis.exceptions import RedisError

from promenade_chassis.config import Settings
from promenade_chassis.database import Connection
from promenade_chassis.events.operator.dead import Filter, discard_dead, ids_of, list_dead, replay_dead, show_dead
from promenade_chassis.events.operator.lag import consumer_backlog, outbox_lag, stream_lag
from promenade_chassis.events.operator.letters import blocks_of, facts_of, name_of, state_of
from promenade_chassis.events.operator.records import Backlog, GroupLag, OutboxLag
from promenade_chassis.events.operator.wording import columns, moment_of, one_line, span
from promenade_chassis.events.redis_link import RedisLink

Command = Callable[[Connection, str, argparse.Namespace, Settings], Awaitable[int]]


class ServiceLag(msgspec.Struct, frozen=True):
    """What `events lag --json` prints. `groups` is null while Redis is away."""

    outbox: OutboxLag
    consumer: Backlog
    groups: list[GroupLag] | None


async def run_events(settings: Settings, context: str, arguments: argparse.Namespace) -> int:
    """Run one command; answers the exit status."""
    command: Command = arguments.run
    try:
        connection = await AsyncConnection[DictRow].connect(
            settings.database.url,
            autocommit=True,
            row_factory=dict_row,
            application_name=f"promenade-events {context}",
            connect_timeout=3,
            options="-c timezone=UTC -c statement_timeout=60000",
        )
        async with connection:
            return await command(connection, context, arguments, settings)
    except (psycopg.Error, ValueError) as error:
        print(f"{context}: {one_line(str(error), 500)}", file=sys.stderr)  # noqa: T201 - this is its output
        return 1


def add_events_parser(parser: argparse.ArgumentParser) -> None:
    """Declare the commands."""
    commands = parser.add_subparsers(dest="events_command", required=True)
    lag = commands.add_parser("lag", help="show what waits, what is stuck, what was given up")
    _json(lag)
    lag.set_defaults(run=_lag)
    dead = commands.add_parser("dead", help="what a reaction gave up").add_subparsers(
        dest="dead_command", required=True
    )
    _add_list(dead.add_parser("list", help="list dead letters, the newest last"))
    show = dead.add_parser("show", help="show one with envelope and traceback")
    show.add_argument("ids", metavar="ID", nargs=1, type=UUID, help="the id of a dead letter or of an event")
    _json(show)
    show.set_defaults(run=_show)
    replay = dead.add_parser("replay", help="have the reaction run again, exactly once")
    replay.add_argument("ids", metavar="ID", nargs="+", type=UUID, help="ids of dead letters or of events")
    replay.set_defaults(run=_replay)
    discard = dead.add_parser("discard", help="close for good; the rows stay")
    discard.add_argument("ids", metavar="ID", nargs="+", type=UUID, help="ids of dead letters or of events")
    discard.add_argument("--reason", required=True, help="why; is kept with the row")
    discard.add_argument("--yes", action="store_true", help="do not ask")
    discard.set_defaults(run=_discard)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", default="", help="order.placed, order.placed.v1, 'order.*'")
    parser.add_argument("--reaction", help="with or without its context")
    parser.add_argument("--since", help="90s, 10m, 2h, 7d or 2026-01-31T12:00:00Z")
    parser.add_argument("--closed", action="store_true", help="also those replayed or discarded")
    _json(parser)
    parser.set_defaults(run=_list)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


async def _lag(connection: Connection, context: str, arguments: argparse.Namespace, settings: Settings) -> int:
    outbox = await outbox_lag(connection, context)
    consumer = await consumer_backlog(connection, context)
    groups = await _groups(context, settings) if settings.bus.adapter == "redis" else []
    if arguments.json:
        _say(msgspec.json.encode(ServiceLag(outbox, consumer, groups)).decode())
        return 0
    _say(f"outbox    {outbox.depth} unpublished, the oldest for {span(outbox.oldest_seconds)}")
    _say(f"reactions {consumer.waiting_count} wait, {consumer.stuck_count} of them for more than an hour")
    _say(f"dead      {consumer.dead_open} open, {consumer.replays_count} replays under way")
    rows = [
        [each.stream, each.group, "?" if each.lag is None else str(each.lag), str(each.pending)]
        for each in groups or ()
    ]
    if rows:
        _say("", *columns([["stream", "group", "lag", "pending"], *rows]))
    waiting = [
        [each.reaction, str(each.event_id), str(each.attempts), one_line(each.error)] for each in consumer.waiting
    ]
    if waiting:
        _say("", *columns([["waiting", "event", "attempts", "last error"], *waiting]))
    return 0


async def _groups(context: str, settings: Settings) -> list[GroupLag] | None:
    """Everybody's on this context's stream, and its own on the others."""
    link = RedisLink(settings.redis.url)
    producers = sorted({context, *(context_of(each) for each in all_events().values())})
    try:
        groups = [group for each in producers for group in (await stream_lag(link, each)).groups]
    except (RedisError, OSError) as error:
        print(f"redis is away: {one_line(str(error))}", file=sys.stderr)  # noqa: T201 - this is its output
        return None
    finally:
        await link.close()
    return [group for group in groups if context in (group.group, group.stream.partition(".")[2])]


async def _list(connection: Connection, context: str, arguments: argparse.Namespace, settings: Settings) -> int:
    since = moment_of(arguments.since, datetime.now(UTC)) if arguments.since else None
    chosen = Filter(type=arguments.type, reaction=arguments.reaction, since=since, closed=arguments.closed)
    letters = await list_dead(connection, context, chosen)
    if arguments.json:
        _say(msgspec.json.encode(letters).decode())
        return 0
    rows = [
        [
            str(each.id),
            name_of(each),
            each.type or "unreadable",
            f"{span(time.time() - each.created_at.timestamp())} ago",
            state_of(each),
            one_line(each.reason),
        ]
        for each in letters
    ]
    headings = ["dead letter", "reaction", "type", "written", "state", "reason"]
    _say(*(columns([headings, *rows]) if rows else ["there is no dead letter"]))
    return 0


async def _show(connection: Connection, context: str, arguments: argparse.Namespace, settings: Settings) -> int:
    for letter_id in await _named(connection, arguments.ids):
        letter = await show_dead(connection, context, letter_id)
        if letter is None:
            continue
        if arguments.json:
            _say(msgspec.json.encode(letter).decode())
            continue
        _say(*(f"{name:<12}{text}" for name, text in facts_of(letter).items()))
        for title, lines in blocks_of(letter).items():
            _say("", title, *(f"  {line}" for line in lines))
    return 0


async def _replay(connection: Connection, context: str, arguments: argparse.Namespace, settings: Settings) -> int:
    for letter_id in await _named(connection, arguments.ids):
        done = await replay_dead(connection, letter_id)
        _say(f"{letter_id}  {'will run again' if done else 'is not open: nothing to do'}")
    return 0


async def _discard(connection: Connection, context: str, arguments: argparse.Namespace, settings: Settings) -> int:
    named = await _named(connection, arguments.ids)
    if not arguments.yes and not await asyncio.to_thread(_agreed, f"Discard {len(named)} for good?"):
        return 1
    for letter_id in named:
        done = await discard_dead(connection, letter_id, arguments.reason)
        _say(f"{letter_id}  {'discarded' if done else 'is not open: nothing to do'}")
    return 0


async def _named(connection: Connection, ids: list[UUID]) -> list[UUID]:
    named: list[UUID] = []
    for each in ids:
        found = await ids_of(connection, each)
        if not found:
            raise ValueError(f"there is no dead letter {each}")
        named += found
    return named


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ValueError("nobody is here to be asked: say --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _say(*lines: str) -> None:
    for line in lines:
        print(line)  # noqa: T201 - this is its output
