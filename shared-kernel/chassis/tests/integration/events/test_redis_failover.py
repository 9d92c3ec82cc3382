"""Sentinel and Cluster, on real servers: services know the URL, and find what is behind it by themselves."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from promenade_chassis.checks import redis_of
from promenade_chassis.config import AuthSettings, DatabaseSettings, EventsSettings, RedisSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.embedded.installation import installation
from promenade_chassis.embedded.network import LOOPBACK
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.worker import EventWorker, event_worker
from promenade_chassis.testing.bus_rig import PostgresBookkeeping, history
from promenade_chassis.testing.events import in_turns, record
from promenade_chassis.testing.plugin import NewDatabase
from promenade_chassis.testing.polling import eventually
from promenade_chassis.testing.ports import lent_port
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserSuspended

Server = subprocess.Popen[bytes]
Start = Callable[..., tuple[Server, int]]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start, None, None]:
    """Starts a server on a free port, and ends it with the test."""
    running: list[Server] = []
    program = str(installation(None).valkey_server)

    def launch(*options: str, sentinel_of: int = 0) -> tuple[Server, int]:
        port = lent_port()
        folder = tmp_path / str(port)
        folder.mkdir()
        config = folder / "valkey.conf"
        config.write_text(f'port {port}\nbind {LOOPBACK}\nsave ""\nrepl-diskless-sync-delay 0\n')
        if sentinel_of:
            config.write_text(
                f"port {port}\nbind {LOOPBACK}\nsentinel monitor promenade {LOOPBACK} {sentinel_of} 1\n"
                "sentinel down-after-milliseconds promenade 500\nsentinel failover-timeout promenade 3000\n"
            )
            options = ("--sentinel", *options)
        running.append(subprocess.Popen([program, str(config), *options], cwd=folder, stdout=subprocess.DEVNULL))
        return running[-1], port

    yield launch
    for server in running:
        server.kill()
        server.wait()


@pytest_asyncio.fixture
async def producer(new_database: NewDatabase, migration_folders: Sequence[Path]) -> AsyncGenerator[Database, None]:
    """Identity's database."""
    opened = Database(DatabaseSettings(url=new_database(migration_folders)))
    await opened.open()
    yield opened
    await opened.close()


async def suite(url: str, producer: Database, books: PostgresBookkeeping) -> list[EventWorker]:
    """Identity and billing at work on this Redis."""
    settings = Settings(
        profile="test",
        auth=AuthSettings(issuer="", jwks_url=""),
        redis=RedisSettings(url=url),
        events=EventsSettings(backoff_first_ms=20),
    )
    identity, billing = event_worker(producer, "identity", settings), event_worker(books.database, "billing", settings)

    async def on_user_suspended(event: UserSuspended, envelope: Envelope) -> None:
        await books.write(envelope)

    billing.subscribe(UserSuspended, on_user_suspended)
    await billing.start()
    await identity.start()
    return [identity, billing]


async def test_after_a_failover_the_bus_goes_on_with_the_new_master(
    start: Start, producer: Database, books: PostgresBookkeeping
):
    """The master is killed in the middle: nothing is lost, nothing done twice, nobody has to do anything."""
    master, master_port = start()
    _, replica_port = start("--replicaof", f"{LOOPBACK} {master_port}")
    await eventually(lambda: _replicates(replica_port), within=20)
    _, sentinel_port = start(sentinel_of=master_port)
    await eventually(lambda: _knows_a_replica(sentinel_port), within=20)
    url = f"redis+sentinel://{LOOPBACK}:1,{LOOPBACK}:{sentinel_port}/promenade/0"  # the first sentinel is gone
    workers, facts = await suite(url, producer, books), in_turns(*(history(20) for _ in range(10)))

    for at in range(0, len(facts), 10):
        await record(producer, facts[at : at + 10])
        if at == 100:
            await eventually(lambda: _some_effect(books))
            master.kill()

    await eventually(lambda: _each_once_and_in_order(books, facts), within=60)
    await _is_of_use(redis_of(url))
    await asyncio.gather(*(worker.stop(5) for worker in workers))


async def test_a_cluster_carries_every_stream(start: Start, producer: Database, books: PostgresBookkeeping):
    """Three masters, of which one owns a stream; the service asks another first."""
    ports = await _cluster(start)
    hosts = ",".join(f"{LOOPBACK}:{port}" for port in ports)
    url = f"redis+cluster://{hosts}"
    link = RedisLink(url)
    streams = [f"promenade.{name}" for name in ("identity", "customer-management", "order-management", "billing")]
    for stream in streams:
        assert await link.call("XLEN", stream) == 0
    workers, facts = await suite(url, producer, books), in_turns(*(history(20) for _ in range(10)))

    for at in range(0, len(facts), 50):
        await record(producer, facts[at : at + 50])

    await eventually(lambda: _each_once_and_in_order(books, facts), within=40)
    assert await link.call("XLEN", "promenade.identity") == len(facts)
    await _is_of_use(redis_of(url))
    await asyncio.gather(*(worker.stop(5) for worker in workers))
    await link.close()


async def _cluster(start: Start) -> list[int]:
    buses = [lent_port() for _ in range(3)]  # the default, ten thousand above, may be beyond the last port
    ports = [start("--cluster-enabled", "yes", "--cluster-port", str(bus))[1] for bus in buses]
    links = [RedisLink(f"redis://{LOOPBACK}:{port}") for port in ports]
    for link in links:
        await eventually(lambda link=link: link.call("PING"), within=20)
    for link, (first, last) in zip(links, [(0, 5460), (5461, 10922), (10923, 16383)], strict=True):
        await link.call("CLUSTER", "ADDSLOTSRANGE", first, last)
    for port, bus in zip(ports[1:], buses[1:], strict=True):
        await links[0].call("CLUSTER", "MEET", LOOPBACK, port, bus)

    async def is_whole(link: RedisLink) -> None:
        info = await link.call("CLUSTER", "INFO")
        assert b"cluster_state:ok" in info
        assert b"cluster_known_nodes:3" in info

    for link in links:
        await eventually(lambda link=link: is_whole(link), within=20)
        await link.close()
    return ports


async def _replicates(port: int) -> None:
    link = RedisLink(f"redis://{LOOPBACK}:{port}")
    try:
        assert b"master_link_status:up" in await link.call("INFO", "replication")
    finally:
        await link.close()


async def _knows_a_replica(port: int) -> None:
    link = RedisLink(f"redis://{LOOPBACK}:{port}")
    try:
        assert await link.call("SENTINEL", "REPLICAS", "promenade")
    finally:
        await link.close()


async def _is_of_use(client: Any) -> None:
    """As services use it beside the bus: keys of one hash tag, in one transaction."""
    assert await client.ping()
    async with client.pipeline(transaction=True) as pipeline:
        pipeline.set("{auth}:mark", 7)
        pipeline.get("{auth}:mark")
        assert (await pipeline.execute())[1] == b"7"
    await client.aclose()


async def _some_effect(books: PostgresBookkeeping) -> None:
    assert await books.effects()


async def _each_once_and_in_order(books: PostgresBookkeeping, facts: Sequence[Envelope]) -> None:
    effects, expected = dict[UUID, list[int]](), dict[UUID, list[int]]()
    for subject, sequence in await books.effects():
        effects.setdefault(subject, []).append(sequence)
    for fact in facts:
        expected.setdefault(fact.subject, []).append(fact.sequence)
    assert effects == expected
