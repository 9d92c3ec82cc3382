"""Asking all contexts while some are away."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from promenade_chassis.events.operator.lag import outbox_lag, stream_lag
from promenade_chassis.testing.plugin import NewDatabase
from promenade_local.backbone import Backbone
from promenade_local.errors import StackError
from promenade_local.event_lag import look
from promenade_local.event_sites import Site, Sites

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"


@asynccontextmanager
async def asked(*sites: Site, redis_url: str | None = "redis://127.0.0.1:1/0") -> AsyncIterator[Backbone]:
    """A backbone of these contexts."""
    backbone = Backbone(Sites(sites, redis_url))
    try:
        yield backbone
    finally:
        await backbone.close()


async def test_who_is_away_is_named_and_the_others_are_shown(database_url: str):
    """One database is there, one is not, one context is not configured, and Redis is away."""
    sites = (
        Site("billing", database_url),
        Site("identity", NOWHERE),
        Site("order-management", "", "the environment variable X is not set"),
    )
    async with asked(*sites) as backbone:
        lag = await look(backbone, "")

    assert [outbox.context for outbox in lag.outboxes] == ["billing"]
    assert lag.streams == []
    assert sorted(lag.away) == ["identity", "order-management", "redis"]
    assert lag.away["order-management"] == "the environment variable X is not set"


async def test_who_comes_back_is_asked_again(new_database: NewDatabase, migration_folders: Sequence[Path]):
    """A connection that broke is made anew, and the trouble is forgotten."""
    async with asked(Site("billing", new_database(migration_folders))) as backbone:
        await backbone.ask(outbox_lag)
        await backbone._connections["billing"].close()  # pyright: ignore[reportPrivateUsage]

        assert list(await backbone.ask(outbox_lag)) == ["billing"]
        assert backbone.troubles == []


async def test_when_nobody_can_be_asked_the_reason_is_the_error():
    """Also for one context that was named; a name nobody has is told from those."""
    async with asked(Site("billing", NOWHERE)) as backbone:
        with pytest.raises(StackError, match="billing is away"):
            await backbone.ask(outbox_lag)
        with pytest.raises(StackError, match="no context is called 'biling'"):
            await backbone.ask(outbox_lag, only="biling")
        assert await backbone.ask_redis(lambda link: stream_lag(link, "billing")) is None
