"""A tiny service: one route of each kind, so that the habits of every service can be seen on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Litestar, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody
from litestar.types import ASGIApp, ControllerRouterHandler
from msgspec import Meta
from promenade_chassis.config import HttpSettings
from promenade_chassis.http.access import own, permission, public
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.http.resources import (
    Caller,
    ExpectedVersion,
    PathId,
    RequiredVersion,
    Resource,
    command,
    created,
    shown,
)
from promenade_chassis.ports import current_cause, utc_now
from promenade_chassis.testing.fakes import FakeVerifier, InMemoryIdempotencyStore, InMemoryUnitOfWork

TINY = "/api/v1/tiny"
THING = UUID("01a20000-0000-7000-8000-000000000001")  # the same in every test worker
EPOCH = utc_now()


@dataclass
class Bench:
    """What the tiny routes do to the world, and what befalls them: errors to raise one after the other."""

    calls: list[Any] = field(default_factory=list[Any])
    troubles: list[BaseException] = field(default_factory=list[BaseException])

    def call(self, what: Any) -> None:
        self.calls.append(what)
        if self.troubles:
            raise self.troubles.pop(0)


TinyBench = NamedDependency[Bench]


class Named(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1)]


class Thing(Resource, kw_only=True):
    name: str = "thing"


def thing(**more: Any) -> Thing:
    return Thing(id=THING, version=3, created_at=EPOCH, updated_at=EPOCH, **more)


@get("/public", access=public(), operation_id="see")
async def see(tiny: TinyBench, word: FromQuery[str] = "") -> dict[str, Any]:
    """Answers what it was told, and why it was called."""
    tiny.call(word)
    cause = current_cause()
    return {"word": word, "cause": [cause.correlation_id, cause.traceparent, cause.actor]}


@get("/own", access=own(), operation_id="mine")
async def mine(principal: Caller) -> dict[str, str]:
    """Answers who is asking."""
    return {"id": str(principal.id)}


@get("/staff", access=permission("orders:read"), operation_id="staff")
async def staff() -> None:
    """Only for staff."""


@post("/things", access=own(), operation_id="make", status_code=201)
async def make(data: JSONBody[Named], tiny: TinyBench) -> Response[Thing]:
    """Makes a thing."""
    tiny.call(data.name)
    return created(thing(name=data.name), f"{TINY}/things/{THING}")


@command("/things/{thing_id:uuid}/kick", access=own(), operation_id="kick", summary="Kick")
async def kick(thing_id: PathId, tiny: TinyBench, expected_version: ExpectedVersion) -> Response[Thing]:
    """Takes no body."""
    tiny.call(expected_version)
    return shown(thing())


@patch("/things/{thing_id:uuid}", access=own(), operation_id="change")
async def change(
    thing_id: PathId, data: JSONBody[Named], tiny: TinyBench, required_version: RequiredVersion
) -> Response[Thing]:
    """Needs If-Match."""
    tiny.call(required_version)
    return shown(thing(name=data.name))


@delete("/things/{thing_id:uuid}", access=permission("orders:update"), operation_id="drop")
async def drop(thing_id: PathId, tiny: TinyBench) -> None:
    """Needs a permission."""
    tiny.call("drop")


def tiny_app(
    bench: Bench,
    verifier: FakeVerifier,
    *,
    routes: Sequence[ControllerRouterHandler] = (see, mine, staff, make, kick, change, drop),
    readiness: Readiness | None = None,
    http: HttpSettings | None = None,
    around: Callable[[ASGIApp], ASGIApp] | None = None,
) -> Litestar:
    """The tiny service's application."""
    return create_app(
        context="tiny",
        version="1",
        description="Tiny: a service for tests",
        routes=routes,
        dependencies={"tiny": bench},
        verifier=verifier,
        unit_of_work=InMemoryUnitOfWork(),
        idempotency=InMemoryIdempotencyStore(),
        readiness=readiness or Readiness("tiny", "1", {}),
        http=http or HttpSettings(),
        around=around,
    )
