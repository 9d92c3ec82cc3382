"""The unit of work: what commits, what vanishes, and which uses are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from tempfile import TemporaryDirectory
from typing import LiteralString

import pytest
from promenade_chassis.config import DatabaseSettings
from promenade_chassis.database import Database, TransactionMisuse
from promenade_chassis.testing.tcp_proxy import TcpProxy
from psycopg import Error
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import QueryCanceled
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout

Notes = Callable[[], list[str]]


async def write(database: Database, text: str) -> None:
    await database.writing_connection().execute("INSERT INTO note VALUES (%(text)s)", {"text": text})


async def read(database: Database) -> list[str]:
    async with database.reading_connection() as connection:
        rows = await (await connection.execute("SELECT text FROM note ORDER BY text")).fetchall()
    return [row["text"] for row in rows]


async def test_a_unit_of_work_commits_at_its_end(database: Database, notes: Notes) -> None:
    """Inside one sees one's own writes, outside nobody does until the end."""
    async with database.begin():
        await write(database, "a")
        inside, outside = await read(database), notes()

    assert (inside, outside, notes()) == (["a"], [], ["a"])


@pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError, KeyboardInterrupt])
async def test_an_exception_rolls_back(database: Database, notes: Notes, error: type[BaseException]) -> None:
    """Whatever leaves the block takes its writes along, and the connection serves the next one."""
    with suppress(error):
        async with database.begin():
            await write(database, "a")
            raise error

    async with database.begin():
        await write(database, "b")
    assert notes() == ["b"]


async def test_an_error_of_the_database_rolls_back(database: Database, notes: Notes) -> None:
    """After a refused statement nothing of the transaction stays."""
    with suppress(Exception):
        async with database.begin():
            await write(database, "a")
            await database.writing_connection().execute("INSERT INTO note VALUES (NULL)")

    assert notes() == []


async def test_an_inner_unit_of_work_is_a_savepoint(database: Database, notes: Notes) -> None:
    """It may fail alone, also by an error of the database; what succeeds commits with the outer one."""
    async with database.begin():
        await write(database, "outer")
        async with database.begin():
            await write(database, "kept")
        with suppress(LookupError):
            async with database.begin():
                await write(database, "lost")
                raise LookupError
        with suppress(Exception):
            async with database.begin():
                await database.writing_connection().execute("INSERT INTO note VALUES (NULL)")
        await write(database, "after")
        uncommitted = notes()

    assert (uncommitted, notes()) == ([], ["after", "kept", "outer"])


async def test_callbacks_run_after_the_commit_in_order(database: Database, notes: Notes) -> None:
    """They see what was committed; the same callback runs once, and not outside."""
    seen: list[tuple[str, list[str], bool]] = []

    def first() -> None:
        seen.append(("first", notes(), database.in_transaction()))

    def second() -> None:
        seen.append(("second", notes(), database.in_transaction()))

    async with database.begin():
        database.on_commit(first)
        async with database.begin():
            database.on_commit(second)
            database.on_commit(first)
        await write(database, "a")
        before = list(seen)

    assert before == []
    assert seen == [("first", ["a"], False), ("second", ["a"], False)]


async def test_a_callback_that_is_a_coroutine_is_waited_for(database: Database, notes: Notes) -> None:
    """It sees what was committed, and whoever opened the transaction goes on after it."""
    seen: list[list[str]] = []

    async def slow() -> None:
        await asyncio.sleep(0)
        seen.append(await read(database))

    async with database.begin():
        database.on_commit(slow)
        await write(database, "a")

    assert seen == [notes()] == [["a"]]


async def test_callbacks_vanish_with_what_is_rolled_back(database: Database) -> None:
    """Those of a savepoint with the savepoint, those of the transaction with the transaction."""
    called: list[str] = []

    async with database.begin():
        database.on_commit(lambda: called.append("outer"))
        with suppress(LookupError):
            async with database.begin():
                database.on_commit(lambda: called.append("inner"))
                raise LookupError
    with suppress(LookupError):
        async with database.begin():
            database.on_commit(lambda: called.append("rolled back"))
            raise LookupError

    assert called == ["outer"]


async def test_writes_need_a_unit_of_work(database: Database) -> None:
    """So do callbacks; reads do not."""
    with pytest.raises(TransactionMisuse):
        await write(database, "a")
    with pytest.raises(TransactionMisuse):
        database.on_commit(lambda: None)
    assert await read(database) == []
    assert not database.in_transaction()


@pytest.mark.parametrize("use", [write, lambda database, _: read(database)], ids=["write", "read"])
async def test_a_child_task_may_not_use_it(
    database: Database, notes: Notes, use: Callable[..., asyncio.Future[object]]
) -> None:
    """A task created inside inherits the context, but two tasks on one connection would mix their protocols."""
    async with database.begin():
        await write(database, "a")
        (result,) = await asyncio.gather(use(database, "b"), return_exceptions=True)

    assert isinstance(result, TransactionMisuse)
    assert notes() == ["a"]


async def test_a_task_that_outlives_it_may_not_use_it(database: Database) -> None:
    """After the end the connection belongs to somebody else."""
    ended = asyncio.Event()

    async def late() -> None:
        await ended.wait()
        await write(database, "late")

    async with database.begin():
        task = asyncio.create_task(late())
    ended.set()

    with pytest.raises(TransactionMisuse, match="ended"):
        await task


async def test_a_task_opens_its_own_after_the_end(database: Database, notes: Notes) -> None:
    """Tasks side by side have a transaction each; one rolled back takes nothing of the other along."""
    both_inside = asyncio.Barrier(2)

    async def work(text: str, fails: bool) -> None:
        async with database.begin():
            await write(database, text)
            await both_inside.wait()
            if fails:
                raise LookupError

    results = await asyncio.gather(work("a", False), work("b", True), return_exceptions=True)

    assert isinstance(results[1], LookupError)
    assert notes() == ["a"]


async def test_two_databases_have_a_transaction_each(database: Database, database_url: str, notes: Notes) -> None:
    """In one process several services live side by side: each finds its own, and commits alone."""
    other = Database(DatabaseSettings(url=database_url))
    await other.open()

    async with database.begin():
        with pytest.raises(TransactionMisuse):
            await write(other, "x")
        with suppress(LookupError):
            async with other.begin():
                await write(other, "lost")
                await write(database, "kept")
                raise LookupError
    await other.close()

    assert notes() == ["kept"]


async def ask(database: Database, statement: LiteralString) -> None:
    async with database.reading_connection() as connection:
        await connection.execute(statement)


async def test_however_a_read_ends_its_connection_comes_back_idle(database_url: str) -> None:
    """After an error, in a transaction, cut off or cancelled: the pool lends all it has, and none in a transaction."""
    database = Database(DatabaseSettings(url=database_url, max_size=2, acquire_timeout_seconds=20))
    await database.open()
    for statement in ("SELECT 1 / 0", "BEGIN", "BEGIN; SELECT 1 / 0", "SELECT pg_terminate_backend(pg_backend_pid())"):
        with suppress(Error):
            await ask(database, statement)
    for tenths in range(30):
        reading = asyncio.create_task(ask(database, "SELECT pg_sleep(5)"))
        await asyncio.sleep(tenths / 10_000)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async with database.reading_connection() as one, database.reading_connection() as other:
        states = [each.info.transaction_status for each in (one, other)]

    assert states == [TransactionStatus.IDLE, TransactionStatus.IDLE]
    await database.close()


async def test_a_statement_ends_in_time(database_url: str) -> None:
    """No statement holds a connection for ever."""
    database = Database(DatabaseSettings(url=database_url, statement_timeout_ms=50))
    await database.open()

    with pytest.raises(QueryCanceled):
        async with database.reading_connection() as connection:
            await connection.execute("SELECT pg_sleep(30)")
    await database.close()


async def test_waiting_for_a_connection_ends_in_time(database_url: str) -> None:
    """A pool that is used up answers with an error, which becomes a 503."""
    database = Database(DatabaseSettings(url=database_url, max_size=1, acquire_timeout_seconds=0.2))
    await database.open()

    async def second() -> None:
        async with database.begin():
            pass

    async with database.begin():
        await database.writing_connection().execute("SELECT 1")
        # In an empty context, as a request of somebody else's would be.
        (result,) = await asyncio.gather(asyncio.create_task(second(), context=Context()), return_exceptions=True)
    await database.close()

    assert isinstance(result, PoolTimeout)


@pytest.mark.parametrize(("own", "waits"), [("", "15000"), ("?tcp_user_timeout=60000", "60000")])
async def test_a_host_that_vanishes_is_noticed_unless_the_url_is_more_patient(
    database_url: str, own: str, waits: str
) -> None:
    """No answer and no reset comes from it; the system by itself would wait for a quarter of an hour."""
    database = Database(DatabaseSettings(url=database_url + own))
    await database.open()

    async with database.reading_connection() as connection:
        chosen = connection.info.get_parameters()
    await database.close()

    names = ["tcp_user_timeout", "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count"]
    assert [chosen[name] for name in names] == [waits, "5", "5", "5", "3"]


async def test_a_unix_socket_leads_to_the_database(database_url: str) -> None:
    """Over which there is no network to look after."""
    own = conninfo_to_dict(database_url)
    with TemporaryDirectory(prefix="pg") as folder:
        proxy = TcpProxy(int(own["port"]))
        listening = await asyncio.start_unix_server(proxy.accept, f"{folder}/.s.PGSQL.{own['port']}")
        database = Database(DatabaseSettings(url=make_conninfo(database_url, host=folder)))
        await database.open()

        assert await database.is_ready()

        await database.close()
        listening.close()
        await proxy.end()


async def test_it_is_ready_when_the_database_answers(database: Database) -> None:
    """And raises when it does not: nobody listens on port 1."""
    nowhere = Database(DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/nothing"))
    await nowhere.open()

    assert await database.is_ready()
    with pytest.raises(PoolTimeout):
        await nowhere.is_ready()
    await nowhere.close()


async def test_times_are_utc(database: Database) -> None:
    """Whatever the server's zone is, sessions speak UTC."""
    async with database.reading_connection() as connection:
        row = await (await connection.execute("SELECT current_setting('timezone') AS zone")).fetchone()

    assert row == {"zone": "UTC"}
