"""Idempotency-Key on every POST of Customer Management, with the real database behind."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import httpx
import pytest
from customer_acts import CustomerActs
from customer_rooms import STAFF, customers_app, fake_room, real_room
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_chassis.testing.key_contract import KeyContract, Serve
from promenade_chassis.testing.route_contract import Prepare, write_routes


@pytest.fixture
def serve(verifier: FakeVerifier) -> Serve:
    """The application on any database."""
    return lambda database, answers: customers_app(real_room(database), verifier, answers)


@pytest.fixture
async def client(serve: Serve, database: Database, verifier: FakeVerifier) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Signed in as staff."""
    async with client_of(serve(database, PostgresIdempotencyStore(database))) as client:
        client.headers.update(verifier.sign_in(uuid4(), *STAFF))
        yield client


@pytest.fixture
def prepare(client: httpx.AsyncClient) -> Prepare:
    """Makes each operation possible."""
    return CustomerActs(client)


class TestKeys(KeyContract):
    """On PostgreSQL."""

    routes = write_routes(customers_app(fake_room(), FakeVerifier(), InMemoryIdempotencyStore()))
