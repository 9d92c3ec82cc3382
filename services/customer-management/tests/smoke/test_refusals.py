"""What the routes of customers refuse because of who asks, or of the state of things."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from customer_rooms import CUSTOMERS, ME, add, path_of
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.fakes import FakeVerifier
from promenade_customer_management.customer.entity import Customer, UserStatus
from promenade_customer_management.customer.use_cases.room import CustomerRoom

BECAUSE = {"reason": "because"}
# Every route of one customer: method, what follows the id, a body that would do.
ROUTES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("GET", "timeline", None),
    ("PATCH", "", {"name": "mine now"}),
    ("DELETE", "", None),
    ("POST", "restore", None),
    ("PUT", "tier", {"tier": "pro"}),
    ("POST", "assign", {"owner_id": None}),
    ("PUT", "tags/vip", None),
    ("DELETE", "tags/vip", None),
    ("POST", "qualify", None),
    ("POST", "disqualify", BECAUSE),
    ("POST", "recycle", None),
    ("POST", "convert", None),
    ("POST", "churn", BECAUSE),
    ("POST", "reactivate", None),
]
READS = [route for route in ROUTES if route[0] == "GET"]
WRITES = [route for route in ROUTES if route[0] != "GET"]
each_route = pytest.mark.parametrize(("method", "command", "body"), ROUTES)
each_write = pytest.mark.parametrize(("method", "command", "body"), WRITES)


async def call(client: httpx.AsyncClient, method: str, path: str, body: Any, **more: Any) -> httpx.Response:
    return await client.request(method, path, **({"json": body} if body is not None else {}), **more)


async def store(room: CustomerRoom, **fields: Any) -> dict[str, Any]:
    """A customer that no route would make."""
    customer = Customer(name="Ada", **fields)
    async with room.unit_of_work.begin():
        await room.customers.add(customer)
    return {"id": str(customer.id)}


@each_route
async def test_nobody_comes_without_a_token(
    anonymous: httpx.AsyncClient, method: str, command: str, body: dict[str, Any] | None
) -> None:
    """Without a token every route of a customer answers 401 and says how to sign in."""
    answer = await call(anonymous, method, path_of(uuid4(), command), body)

    problem_of(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), [("GET", CUSTOMERS), ("POST", CUSTOMERS), ("GET", ME)])
async def test_neither_the_collection_nor_me_is_public(anonymous: httpx.AsyncClient, method: str, path: str) -> None:
    """Listing, creating and /me need a token that we issued."""
    body = {"name": "Ada"} if method == "POST" else None

    problem_of(await call(anonymous, method, path, body), 401, "unauthenticated")
    forged = await call(anonymous, method, path, body, headers={"Authorization": "Bearer forged"})
    problem_of(forged, 401, "invalid-token")


@each_write
async def test_only_staff_write(
    client: httpx.AsyncClient,
    room: CustomerRoom,
    user: dict[str, str],
    user_id: UUID,
    method: str,
    command: str,
    body: dict[str, Any] | None,
) -> None:
    """403 for an ordinary user, also about himself: the lifecycle is not his to say; nothing changes."""
    mine = await store(room, user_id=user_id, user_status=UserStatus.ACTIVE)
    before = (await client.get(path_of(mine))).json()

    problem_of(await call(client, method, path_of(mine, command), body, headers=user), 403, "forbidden")

    assert (await client.get(path_of(mine))).json() == before


@each_write
async def test_each_write_needs_its_own_permission(
    client: httpx.AsyncClient, verifier: FakeVerifier, method: str, command: str, body: dict[str, Any] | None
) -> None:
    """Deleting and restoring need customers:delete, all else customers:update; the other ones do not help."""
    customer = await add(client)
    needed = "customers:delete" if (method, command) == ("DELETE", "") or command == "restore" else "customers:update"
    others = {"customers:create", "customers:read", "customers:update", "customers:delete"} - {needed}

    answer = await call(client, method, path_of(customer, command), body, headers=verifier.sign_in(uuid4(), *others))

    assert needed in problem_of(answer, 403, "forbidden")["detail"]


@pytest.mark.parametrize(("method", "needed"), [("GET", "customers:read"), ("POST", "customers:create")])
async def test_the_collection_needs_its_permission(
    client: httpx.AsyncClient, user: dict[str, str], method: str, needed: str
) -> None:
    """Customers are no collection an ordinary user sees."""
    answer = await call(client, method, CUSTOMERS, {"name": "Ada"} if method == "POST" else None, headers=user)

    assert needed in problem_of(answer, 403, "forbidden")["detail"]


@pytest.mark.parametrize(("method", "command", "body"), READS)
async def test_somebody_elses_customer_is_not_there(
    client: httpx.AsyncClient, room: CustomerRoom, user: dict[str, str], method: str, command: str, body: Any
) -> None:
    """Another user's customer, one without a user, and an unknown one answer the same 404, word for word."""
    linked, unlinked = await store(room, user_id=uuid4(), user_status=UserStatus.ACTIVE), await store(room)
    told: list[dict[str, Any]] = []

    for customer in (linked, unlinked, {"id": uuid4()}):
        answer = await call(client, method, path_of(customer, command), body, headers=user)
        told.append(problem_of(answer, 404, "not-found"))

    varying = {"instance", "request_id"}
    first, *others = [{name: value for name, value in problem.items() if name not in varying} for problem in told]
    assert all(problem == first for problem in others)


@each_route
async def test_what_is_not_there_is_not_found(
    client: httpx.AsyncClient, method: str, command: str, body: dict[str, Any] | None
) -> None:
    """An unknown id is 404 on every route, for staff too; a deleted one on all but restore."""
    gone = await add(client)
    await client.delete(path_of(gone))

    problem_of(await call(client, method, path_of(uuid4(), command), body), 404, "not-found")
    if command != "restore":
        problem_of(await call(client, method, path_of(gone, command), body), 404, "not-found")


@each_write
async def test_a_stale_if_match_changes_nothing(
    client: httpx.AsyncClient, method: str, command: str, body: dict[str, Any] | None
) -> None:
    """If-Match is honoured on every write: with another version it answers 412."""
    customer = await add(client)
    if command == "restore":
        await client.delete(path_of(customer))

    answer = await call(client, method, path_of(customer, command), body, headers={"If-Match": '"7"'})

    problem_of(answer, 412, "precondition-failed")
    if command != "restore":
        assert (await client.get(path_of(customer))).json() == customer


@each_write
async def test_the_present_version_matches(
    client: httpx.AsyncClient, method: str, command: str, body: dict[str, Any] | None
) -> None:
    """If-Match with the version read lets the write through to whatever the state says."""
    customer = await add(client)

    answer = await call(client, method, path_of(customer, command), body, headers={"If-Match": '"1"'})

    assert answer.status_code in (200, 204, 409), answer.text
    assert answer.status_code != 409 or answer.json()["code"] == "invalid-transition"


@pytest.mark.parametrize("tag", ["1", '"one"', '""', '"-1"', '"' + "9" * 5000 + '"'])
async def test_an_etag_that_is_none_of_ours_is_refused(client: httpx.AsyncClient, tag: str) -> None:
    """If-Match must hold an ETag as an answer gave it."""
    answer = await client.patch(path_of(await add(client)), json={}, headers={"If-Match": tag})

    problem_of(answer, 400, "bad-if-match")
