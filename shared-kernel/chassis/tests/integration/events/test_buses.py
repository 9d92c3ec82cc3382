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
    PostgresBookkeeping,
)
from promenade_chassis.testing.retry_contract import RetryContract


@pytest.fixture(params=["memory bus, real ledger", "redis bus, ledger in memory", "redis bus, real ledger"])
def combination(request: pytest.FixtureRequest) -> str:
    """What is put together; memory with memory is in the unit tests."""
    return request.param


@pytest_asyncio.fixture
async def rig(combination: str, books: PostgresBookkeeping, redis_url: str) -> AsyncGenerator[BusRig, None]:
    """One context's bus."""
    kept: Bookkeeping = books if "real ledger" in combination else InMemoryBookkeeping()
    if combination.startswith("memory"):
        bus = MemoryBus().for_context(CONTEXT, kept.ledger)
    else:
        bus = RedisBus(redis_url, CONTEXT, kept.ledger, QUICK, replica="one")
    yield BusRig(bus, kept)
    await bus.close(1)


class TestBus(BusContract):
    """The bus contract."""


class TestRetry(RetryContract):
    """The retry contract."""


class TestBatches(BatchContract):
    """The contract of shared transactions."""
