"""What Idempotency-Key promises of every route on a real PostgreSQL: side by side, and through kill -9."""

# ruff: noqa: S101 - tests, to be inherited

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import uuid4

import httpx
from litestar import Litestar
from litestar.types import Message, Receive, Scope, Send
from psycopg import sql

from promenade_chassis.config import DatabaseSettings, HttpSettings
from promenade_chassis.database import Database
from promenade_chassis.http.app import with_edge
from promenade_chassis.idempotency import IdempotencyStore, PostgresIdempotencyStore, StoredAnswer
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.polling import eventually, stretched
from promenade_chassis.testing.route_contract import Act, ForEachRoute, Prepare, WriteRoute, send

KEYS, TIMES = 8, 8
Serve = Callable[[Database, IdempotencyStore], Litestar]
"""Makes the service's application on a database, for the users that the test has signed in."""
Death = Literal["before-record", "before-commit", "before-answer"]

_TABLES = "SELECT schemaname, relname FROM pg_stat_user_tables"


async def rows_by_table(database: Database) -> Counter[str]:
    """How many rows every table has: outbox, records and numbers included."""
    async with database.reading_connection() as connection:
        tables = await (await connection.execute(_TABLES)).fetchall()
        counts: Counter[str] = Counter()
        for table in tables:
            name = sql.Identifier(table["schemaname"], table["relname"])
            row = await (await connection.execute(sql.SQL("SELECT count(*) AS n FROM {}").format(name))).fetchone()
            counts[table["relname"]] = row["n"] if row else 0
    return counts


class KeyContract(ForEachRoute):
    """Give it `routes` and the fixtures `client` (signed in), `prepare`, `database` and `serve`."""

    async def test_eight_keys_eight_times_each_at_once(
        self, laden: WriteRoute, client: httpx.AsyncClient, prepare: Prepare, database: Database
    ) -> None:
        """Eight effects; all who carry one key get the same answer, if need be after they were told it is in flight."""
        one = await _growth_of_one(laden, client, prepare, database)
        acts = [(await prepare(laden.operation_id), uuid4().hex) for _ in range(KEYS)]
        before = await rows_by_table(database)

        sent = [_answered(client, laden, act, key) for act, key in acts for _ in range(TIMES)]
        answers = await asyncio.gather(*sent)

        after = await rows_by_table(database)
        assert after - before == Counter({table: number * KEYS for table, number in one.items()})
        for group in (answers[first : first + TIMES] for first in range(0, len(answers), TIMES)):
            assert len({(answer.status_code, answer.content, answer.headers.get("etag")) for answer in group}) == 1
            assert group[0].is_success, group[0].text
            replayed = Counter(answer.headers.get("idempotent-replayed") for answer in group)
            assert replayed == {"true": TIMES - 1, None: 1}

    async def test_no_death_loses_or_doubles_an_effect(
        self, laden: WriteRoute, client: httpx.AsyncClient, prepare: Prepare, database: Database, serve: Serve
    ) -> None:
        """kill -9 before the record, before the commit and before the answer: who asks again is answered, once done."""
        one = await _growth_of_one(laden, client, prepare, database)
        deaths: tuple[Death, ...] = ("before-record", "before-commit", "before-answer")
        for death in deaths:
            act, key = await prepare(laden.operation_id), uuid4().hex
            before = await rows_by_table(database)

            await _die(_Doom(death, laden, act, key, database.url, client.headers["authorization"], serve))
            done = await rows_by_table(database) - before
            answer = await _answered(client, laden, act, key)

            assert answer.is_success, answer.text
            assert done == (one if death == "before-answer" else Counter()), death
            assert (answer.headers.get("idempotent-replayed") == "true") is (death == "before-answer"), death
            assert await rows_by_table(database) - before == one, death


async def _growth_of_one(
    route: WriteRoute, client: httpx.AsyncClient, prepare: Prepare, database: Database
) -> Counter[str]:
    """What one such request adds to the tables, once what the very first one begins (a number series) is there."""
    growth: Counter[str] = Counter()
    for _ in range(2):
        act = await prepare(route.operation_id)
        before = await rows_by_table(database)
        answer = await send(client, route, act, Idempotency_Key=uuid4().hex)
        assert answer.is_success, answer.text
        growth = await rows_by_table(database) - before
    assert growth["idempotency_record"] == 1
    return growth


async def _answered(client: httpx.AsyncClient, route: WriteRoute, act: Act, key: str) -> httpx.Response:
    """The answer under a key; while it is in flight, as the refusal says, once more."""

    async def ask() -> httpx.Response:
        answer = await send(client, route, act, Idempotency_Key=key)
        if answer.status_code == 409:
            problem_of(answer, 409, "idempotency-key-in-flight")
            assert answer.headers["retry-after"] == "1"
            raise TimeoutError("still in flight")
        return answer

    return await eventually(ask, within=20)


class _DoomedStore(PostgresIdempotencyStore):
    """Dies where the record is written."""

    def __init__(self, database: Database, death: Death) -> None:
        super().__init__(database)
        self._death = death

    async def store(self, scope: str, key: str, body_hash: bytes, answer: StoredAnswer) -> None:
        if self._death == "before-record":
            _kill_oneself()
        await super().store(scope, key, body_hash, answer)
        if self._death == "before-commit":
            _kill_oneself()


def _kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class _Doom:
    """A request, and where in its course the process dies."""

    death: Death
    route: WriteRoute
    act: Act
    key: str
    database_url: str
    authorization: str
    serve: Serve

    def meet(self) -> None:
        """What the process does that does not survive it."""
        asyncio.run(self._ask())

    async def _ask(self) -> None:
        database = Database(DatabaseSettings(url=self.database_url, max_size=2, check_connections=False))
        await database.open()
        served: Any = with_edge(self.serve(database, _DoomedStore(database, self.death)), HttpSettings())

        async def dying(scope: Scope, receive: Receive, _: Send) -> None:
            # What is sent at all has been held back until the commit.
            await served(scope, receive, _die_instead)

        transport = httpx.ASGITransport(app=cast("Any", dying))
        headers = {"Authorization": self.authorization}
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=headers) as client:
            await send(client, self.route, self.act, Idempotency_Key=self.key)


async def _die_instead(_: Message) -> None:
    _kill_oneself()


async def _die(doom: _Doom) -> None:
    """Send the request to an application in a process of its own, which does not survive it."""
    process = multiprocessing.get_context("fork").Process(target=doom.meet, daemon=True)
    process.start()
    await asyncio.to_thread(process.join, stretched(30))
    assert process.exitcode == -signal.SIGKILL, process.exitcode
