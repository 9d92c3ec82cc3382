"""Customers under parallel events and requests, with the real database behind, and the facts they leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from customer_rooms import CUSTOMERS, STAFF, World, add, customers_app, fresh_email, path_of, real_room, sample
from promenade_chassis.config import EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.postgres import PostgresLedger
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.events import sealed
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_kernel.events.customer_management import CustomerCreated, CustomerDeleted, CustomerUpdated
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import UserActivated, UserRegistered
from promenade_kernel.events.order_management import OrderConfirmed, OrderPlaced
from promenade_kernel.values.ids import new_id


@pytest.fixture
def room(database: Database) -> CustomerRoom:
    return real_room(database)


@pytest.fixture
async def client(
    room: CustomerRoom, database: Database, verifier: FakeVerifier
) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with client_of(customers_app(room, verifier, PostgresIdempotencyStore(database))) as client:
        client.headers.update(verifier.sign_in(uuid4(), *STAFF))
        yield client


def replicas(database: Database, room: CustomerRoom) -> list[World]:
    """Two consumers of the same group."""
    return [World(PostgresLedger(database, "customer-management", EventsSettings()), room) for _ in range(2)]


async def rows(database: Database, statement: Any, **named: Any) -> list[dict[str, Any]]:
    async with database.reading_connection() as connection:
        return await (await connection.execute(statement, named)).fetchall()


async def facts_of(database: Database, subject: UUID) -> list[Envelope]:
    found = await rows(database, "SELECT envelope FROM outbox WHERE subject = %(id)s ORDER BY sequence", id=subject)
    return [Envelope.decode(bytes(row["envelope"])) for row in found]


async def test_two_replicas_read_the_same_registration(database: Database, room: CustomerRoom) -> None:
    """Two ledgers handle the same event at once, several times over: one customer, one fact, one entry."""
    user_id = uuid4()
    envelope = sealed(UserRegistered(user_id=user_id, email=fresh_email()), subject=user_id)

    await asyncio.gather(*(world.settle(envelope) for world in replicas(database, room) for _ in range(4)))

    (customer,) = await rows(database, "SELECT id, version FROM customer")
    assert customer["version"] == 1
    assert [fact.open().__class__ for fact in await facts_of(database, customer["id"])] == [CustomerCreated]
    assert len(await rows(database, "SELECT id FROM timeline_entry")) == 1


async def test_two_users_of_one_address_register_at_once(database: Database, room: CustomerRoom) -> None:
    """Each gets a customer; one of them has the email, the other the note."""
    email, users = fresh_email(), [uuid4(), uuid4()]
    envelopes = [sealed(UserRegistered(user_id=user, email=email), subject=user) for user in users]

    worlds = replicas(database, room)
    await asyncio.gather(*(world.settle(each) for world, each in zip(worlds, envelopes, strict=True)))

    found = await rows(database, "SELECT user_id, email FROM customer")
    assert {row["user_id"] for row in found} == set(users)
    assert sorted(row["email"] or "" for row in found) == ["", email]
    notes = await rows(database, "SELECT id FROM timeline_entry WHERE kind = 'customer.possible-duplicates'")
    assert len(notes) == 1


async def test_staff_and_a_registration_make_the_same_customer_at_once(
    database: Database, room: CustomerRoom, client: httpx.AsyncClient
) -> None:
    """Whoever is first, one living customer has the address; the user is linked to one when he has proved it."""
    user_id, email = uuid4(), fresh_email()
    (world, _) = replicas(database, room)

    answer, _ = await asyncio.gather(
        client.post(CUSTOMERS, json={"name": "Ada", "email": email}),
        world.settle(world.seal(UserRegistered(user_id=user_id, email=email), user_id)),
    )
    await world.tell(UserActivated(user_id=user_id, email=email), user_id)

    assert answer.status_code in (201, 409), answer.text
    (customer,) = await rows(database, "SELECT user_id, email FROM customer")
    assert customer == {"user_id": user_id, "email": email}


async def test_many_orders_of_one_customer_at_once(
    database: Database, room: CustomerRoom, client: httpx.AsyncClient
) -> None:
    """Lost version races are run again: every order is on the timeline once, and the customer moved once a step."""
    customer = await add(client)
    whose: dict[str, Any] = {"customer_id": UUID(customer["id"]), "user_id": None}
    worlds = replicas(database, room)

    async def story(world: World) -> None:
        order_id = new_id()
        await world.tell(sample(OrderPlaced, order_id=order_id, **whose), order_id)
        await world.tell(sample(OrderConfirmed, order_id=order_id, **whose), order_id)

    await asyncio.gather(*(story(world) for world in worlds for _ in range(3)))

    kinds = [row["kind"] for row in await rows(database, "SELECT kind FROM timeline_entry")]
    assert (kinds.count("order.placed"), kinds.count("order.confirmed")) == (6, 6)
    assert kinds.count("lifecycle.changed") in (1, 2)
    assert (await client.get(path_of(customer))).json()["lifecycle"] == "customer"
    assert await rows(database, "SELECT * FROM dead_letter") == []


async def test_parallel_tags_are_all_put_on(client: httpx.AsyncClient) -> None:
    """Without If-Match a lost race is run again; who lost too often is told so."""
    customer = await add(client)

    answers = await asyncio.gather(*(client.put(path_of(customer, f"tags/{number}")) for number in range(4)))

    done = [str(number) for number, answer in enumerate(answers) if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len(done) >= 3
    assert (await client.get(path_of(customer))).json()["tags"] == done


async def test_an_address_is_given_once_in_parallel(client: httpx.AsyncClient) -> None:
    """Of many that create a customer with one email at once, one is answered 201, the others 409."""
    body = {"name": "Ada", "email": fresh_email()}

    answers = await asyncio.gather(*(client.post(CUSTOMERS, json=body) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"email-taken"}


async def test_the_facts_of_a_customers_life(database: Database, client: httpx.AsyncClient) -> None:
    """Each change is one fact in sequence without a gap; a refused one, or one that changes nothing, leaves none."""
    customer = await add(client)
    await client.patch(path_of(customer), json={"name": "Augusta"})
    await client.patch(path_of(customer), json={"name": "Augusta"})
    await client.post(path_of(customer, "churn"), json={"reason": "x"})
    await client.post(path_of(customer, "qualify"))
    await client.delete(path_of(customer))
    await client.post(path_of(customer, "restore"))

    facts = await facts_of(database, UUID(customer["id"]))

    assert [fact.sequence for fact in facts] == [1, 2, 3, 4, 5]
    opened: list[Any] = [fact.open() for fact in facts]
    kinds = [CustomerCreated, CustomerUpdated, CustomerUpdated, CustomerDeleted, CustomerUpdated]
    assert [type(fact) for fact in opened] == kinds
    assert [opened[1].name, opened[2].lifecycle, opened[4].status] == ["Augusta", "prospect", "active"]
