"""Both buses with both ledgers keep one contract."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from promenade_chassis.events.memory import MemoryBus
from promenade_chassis.events.redis import RedisBus
from promenade_chassis.testing.batch_contract import BatchContract
from promenade_chassis.testing.bus_contract import BusContract
from promenade_chassis.testing.bus_rig import (
    CONTEXT,
    QUICK,
    Bookkeeping,
    BusRig,
    InMemoryBookkeeping,
)
from promenade_chassis.testing.retry_contract import RetryContract


@pytest.fixture(params=["memory bus, real ledger", "redis bus, ledger in memory", "redis bus, real ledger"])
def combination(request: pytest.FixtureRequest) -> str:
    """What is put together; memory with memory is in the unit tests."""
    return request.param


@pytest.fixture
def kept(combination: str, request: pytest.FixtureRequest) -> Bookkeeping:
    """The ledger; only one that is real gets a database."""
    return request.getfixturevalue("books") if "real ledger" in combination else InMemoryBookkeeping()


@pytest.fixture
def redis_or_none(combination: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty Redis, where it is used."""
    return request.getfixturevalue("redis_url") if combination.startswith("redis") else ""


@pytest_asyncio.fixture
async def rig(kept: Bookkeeping, redis_or_none: str) -> AsyncGenerator[BusRig, None]:
    """One context's bus."""
    if redis_or_none:
        bus = RedisBus(redis_or_none, CONTEXT, kept.ledger, QUICK, replica="one")
    else:
        bus = MemoryBus().for_context(CONTEXT, kept.ledger)
    yield BusRig(bus, kept)
    await bus.close(1)


class TestBus(BusContract):
    """The bus contract."""


class TestRetry(RetryContract):
    """The retry contract."""


class TestBatches(BatchContract):
    """The contract of shared transactions."""
