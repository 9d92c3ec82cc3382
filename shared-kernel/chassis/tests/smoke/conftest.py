"""Fixtures around the tiny service."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID, uuid4

import httpx
import pytest
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from tiny_service import Bench, tiny_app


@pytest.fixture
def bench() -> Bench:
    """Records what the routes did."""
    return Bench()


@pytest.fixture
def verifier() -> FakeVerifier:
    """Signs users in without keys."""
    return FakeVerifier()


@pytest.fixture
async def client(bench: Bench, verifier: FakeVerifier) -> AsyncGenerator[httpx.AsyncClient, None]:
    """A client that nobody has signed in."""
    async with client_of(tiny_app(bench, verifier)) as client:
        yield client


@pytest.fixture
def user_id() -> UUID:
    """Who `user` signs in as."""
    return uuid4()


@pytest.fixture
def user(verifier: FakeVerifier, user_id: UUID) -> dict[str, str]:
    """Headers of an ordinary user."""
    return verifier.sign_in(user_id)
