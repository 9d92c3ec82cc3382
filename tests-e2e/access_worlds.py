"""Each service on its fakes, as the access matrix asks it: things that are somebody's, and anybody to ask for them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any
from uuid import uuid4

import httpx
from access_table import Row
from billing_acts import BillingActs
from billing_rooms import World as BillingWorld
from billing_rooms import billing_app, staff_of
from billing_rooms import fake_rooms as billing_rooms
from customer_acts import CustomerActs
from customer_rooms import ME, customers_app, fresh_email, path_of, sample
from customer_rooms import STAFF as CUSTOMER_STAFF
from customer_rooms import World as CustomerWorld
from customer_rooms import fake_room as customer_room
from identity_acts import IdentityActs
from identity_rooms import Fakes, Visitor, bearer
from litestar import Litestar
from order_acts import OrderActs
from order_rooms import STAFF as ORDER_STAFF
from order_rooms import Stage
from order_rooms import fake_rooms as order_rooms
from order_world import listening
from promenade_chassis.config import EventsSettings
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore
from promenade_chassis.testing.ledger import InMemoryLedger
from promenade_chassis.testing.route_contract import Act, Prepare, WriteRoute, write_routes
from promenade_kernel.events.identity import UserRegistered
from promenade_kernel.values.permissions import SYSTEM_ROLES

Headers = dict[str, str]
# How a service signs in somebody new who has a system role.
SignIn = Callable[[str], Awaitable[Headers]]


@dataclass(frozen=True)
class Question:
    """A request that is possible now, and the headers of whose thing it is about."""

    act: Act
    owner: Headers
    method: str


class World:
    """A service, and what is needed to ask each of its routes."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient, prepare: Prepare, sign_in: SignIn) -> None:
        self.client = client
        self.sign_in = sign_in
        self._prepare = prepare
        self._writes = {(each.method, _untyped(each.path)): each for each in write_routes(app)}

    async def question(self, row: Row) -> Question:
        """Something new to ask the route about."""
        write = self._writes.get((row.method, row.path))
        if row.declared == "public" or (write is None and "{" not in row.path):
            body = {} if write else None
            return Question(
                Act(path=re.sub(r"{\w+}", "x", row.path), body=body), await self.sign_in("user"), row.method
            )
        act = await self._prepare((write or self._neighbour(row)).operation_id)
        if write is None:
            act = replace(act, path=_filled(row.path, self._neighbour(row), act), body=None)
        return Question(act, await self._owner(row), row.method)

    async def ask(self, question: Question, headers: Mapping[str, str]) -> httpx.Response:
        """As whoever has these headers; without If-Match being in the way."""
        needed = {} if question.method == "GET" else {"If-Match": "*"}
        self.client.headers.pop("Authorization", None)
        return await self.client.request(
            question.method, question.act.path, json=question.act.body, headers={**needed, **headers}
        )

    async def _owner(self, row: Row) -> Headers:
        if not row.declared.startswith("own"):
            return await self.sign_in("user")
        return {"Authorization": self.client.headers["Authorization"]}

    def _neighbour(self, row: Row) -> WriteRoute:
        """A write about the same kind of thing, which knows how to make one."""
        names = set(re.findall(r"{\w+}", row.path))
        about = [each for (_, path), each in self._writes.items() if names <= set(re.findall(r"{\w+}", path))]
        return max(about, key=lambda each: _shared(_untyped(each.path), row.path))


class OfCustomers(World):
    """The things of Customer Management are made by staff, but for the customer that a user is."""

    def __init__(self, *parts: Any, customers: CustomerWorld, verifier: FakeVerifier) -> None:
        super().__init__(*parts)
        self._customers, self._verifier = customers, verifier
        self._staff = dict(verifier.sign_in(uuid4(), *CUSTOMER_STAFF))

    async def question(self, row: Row) -> Question:
        self.client.headers.update(self._staff)
        if not (row.declared.startswith("own") and "{" in row.path):
            return await super().question(row)
        user_id = uuid4()
        await self._customers.tell(sample(UserRegistered, user_id=user_id, email=fresh_email()), user_id)
        owner = self._verifier.sign_in(user_id)
        mine = (await self.client.get(ME, headers=owner)).json()
        return Question(Act(path=path_of(mine, row.path.partition("}/")[2])), owner, row.method)


def _untyped(path: str) -> str:
    return re.sub(r":\w+}", "}", path)


def _shared(one: str, other: str) -> int:
    """How far two paths are the same."""
    return sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one.split("/"), other.split("/"), strict=False))
    )


def _filled(path: str, write: WriteRoute, act: Act) -> str:
    """The path with the names that the act's path has for things."""
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", _untyped(write.path))
    found = re.fullmatch(pattern, act.path)
    assert found, (pattern, act.path)
    return path.format(**found.groupdict())


def _signing(verifier: FakeVerifier) -> SignIn:
    async def sign_in(role: str) -> Headers:
        return verifier.sign_in(uuid4(), *SYSTEM_ROLES[role])

    return sign_in


@asynccontextmanager
async def _identity() -> AsyncGenerator[World, None]:
    fakes = Fakes()
    app = fakes.app()
    async with client_of(app) as client:
        visitor = Visitor(client, fakes)

        async def sign_in(role: str) -> Headers:
            return bearer((await visitor.sign_up(f"{uuid4().hex}@example.com", role))["access_token"])

        yield World(app, client, IdentityActs(client, visitor), sign_in)


@asynccontextmanager
async def _customers() -> AsyncGenerator[World, None]:
    room, verifier = customer_room(), FakeVerifier()
    work: Any = room.unit_of_work
    app = customers_app(room, verifier, InMemoryIdempotencyStore(work))
    customers = CustomerWorld(InMemoryLedger("customer-management", unit_of_work=work), room)
    async with client_of(app) as client:
        parts = (app, client, CustomerActs(client), _signing(verifier))
        yield OfCustomers(*parts, customers=customers, verifier=verifier)


@asynccontextmanager
async def _orders() -> AsyncGenerator[World, None]:
    rooms, verifier = order_rooms(), FakeVerifier()
    work: Any = rooms.order.unit_of_work
    app = Stage().furnish(rooms, verifier, InMemoryIdempotencyStore(work))
    ledger = InMemoryLedger("order-management", EventsSettings(), unit_of_work=work)
    staff, buyer = verifier.sign_in(uuid4(), *ORDER_STAFF), verifier.sign_in(uuid4())
    async with listening(rooms, ledger) as world, client_of(app) as client:
        yield World(app, client, _as(client, buyer, OrderActs(client, staff, world)), _signing(verifier))


@asynccontextmanager
async def _billing() -> AsyncGenerator[World, None]:
    world, verifier, user_id = BillingWorld(billing_rooms()), FakeVerifier(), uuid4()
    app = billing_app(world.rooms, verifier, InMemoryIdempotencyStore())
    async with client_of(app) as client:
        acts = BillingActs(client, user_id, staff_of(verifier), world)
        yield World(app, client, _as(client, verifier.sign_in(user_id), acts), _signing(verifier))


def _as(client: httpx.AsyncClient, headers: Headers, prepare: Prepare) -> Prepare:
    async def prepared(operation: str) -> Act:
        client.headers.update(headers)
        return await prepare(operation)

    return prepared


WORLDS: Mapping[str, Callable[[], AbstractAsyncContextManager[World]]] = {
    "identity": _identity,
    "customer-management": _customers,
    "order-management": _orders,
    "billing": _billing,
}
