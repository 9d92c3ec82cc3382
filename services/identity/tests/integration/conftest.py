"""The service's rooms on real engines."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from identity_service import furnished, settings_for
from promenade_chassis.config import Settings
from promenade_identity.furniture import Engines, Rooms


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of the test's own engines; mails land in its folder."""
    return settings_for(database_url, redis_url, mail={"directory": str(tmp_path / "mail")})


@pytest.fixture
async def furniture(settings: Settings) -> AsyncGenerator[tuple[Rooms, Engines], None]:
    """The rooms with their real adapters; no worker runs."""
    async with furnished(settings) as furniture:
        yield furniture


@pytest.fixture
def rooms(furniture: tuple[Rooms, Engines]) -> Rooms:
    """The rooms with their real adapters; no worker runs."""
    return furniture[0]


@pytest.fixture
def engines(furniture: tuple[Rooms, Engines]) -> Engines:
    """What the rooms stand on."""
    return furniture[1]
