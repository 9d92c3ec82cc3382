"""The whole service on fakes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from identity_rooms import Fakes, Visitor
from promenade_chassis.testing.clients import client_of


@pytest.fixture
def fakes() -> Fakes:
    """Every port of the service in memory."""
    return Fakes()


@pytest.fixture
async def visitor(fakes: Fakes) -> AsyncGenerator[Visitor, None]:
    """Somebody who uses the service."""
    async with client_of(fakes.app()) as client:
        yield Visitor(client, fakes)


@pytest.fixture
def address() -> str:
    """An email address nobody else has."""
    return f"{uuid4().hex}@example.com"
