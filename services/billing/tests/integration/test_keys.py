"""Idempotency-Key on every POST of Billing, with the real database behind."""

from collections.abc import AsyncGenerator
from uuid import UUID

import httpx
import pytest
from billing_acts import BillingActs
from billing_rooms import World, billing_app, fake_rooms, real_rooms
from promenade_billing.payment.simulated import SimulatedProvider
from promenade_chassis.database import Database
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_chassis.testing.key_contract import KeyContract, Serve
from promenade_chassis.testing.route_contract import Prepare, write_routes


@pytest.fixture
def serve(verifier: FakeVerifier, provider: SimulatedProvider) -> Serve:
    """The application on any database."""
    return lambda database, answers: billing_app(real_rooms(database, provider), verifier, answers)


@pytest.fixture
async def client(
    serve: Serve, database: Database, verifier: FakeVerifier, user_id: UUID
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Signed in as an ordinary user."""
    async with client_of(serve(database, PostgresIdempotencyStore(database))) as client:
        client.headers.update(verifier.sign_in(user_id))
        yield client


@pytest.fixture
def prepare(client: httpx.AsyncClient, user_id: UUID, staff: dict[str, str], real: World) -> Prepare:
    """Makes each operation possible."""
    return BillingActs(client, user_id, staff, real)


class TestKeys(KeyContract):
    """On PostgreSQL."""

    routes = write_routes(billing_app(fake_rooms(), FakeVerifier(), InMemoryIdempotencyStore()))
