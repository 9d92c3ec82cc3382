"""What the routes of customers refuse because of the state of things."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from customer_rooms import CUSTOMERS, add, fresh_email, path_of
from promenade_chassis.testing.answers import problem_of
from promenade_customer_management.customer.entity import LIFECYCLE, Customer, Lifecycle, UserStatus
from promenade_customer_management.customer.use_cases.room import CustomerRoom

BECAUSE = {"reason": "because"}
COMMANDS = [name for name in LIFECYCLE.table if name not in LIFECYCLE.internal]


async def store(room: CustomerRoom, **fields: Any) -> dict[str, Any]:
    """A customer that no route would make."""
    customer = Customer(name="Ada", **fields)
    async with room.unit_of_work.begin():
        await room.customers.add(customer)
    return {"id": str(customer.id)}


@pytest.mark.parametrize("state", Lifecycle)
@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_the_state_does_not_allow(
    client: httpx.AsyncClient, room: CustomerRoom, state: Lifecycle, command: str
) -> None:
    """`allowed_actions` is exactly what is accepted; all else is 409 with `allowed`, and changes nothing."""
    reasons = {
        Lifecycle.DISQUALIFIED: {"disqualified_reason": "because"},
        Lifecycle.CHURNED: {"churn_reason": "because"},
    }
    customer = await store(room, lifecycle=state, **reasons.get(state, {}))
    before = (await client.get(path_of(customer))).json()

    answer = await client.post(path_of(customer, command), json=BECAUSE if command in ("disqualify", "churn") else None)

    if command in before["allowed_actions"]:
        assert answer.status_code == 200, answer.text
    else:
        problem = problem_of(answer, 409, "invalid-transition")
        assert problem["allowed"] == before["allowed_actions"]
        assert (await client.get(path_of(customer))).json() == before


@pytest.mark.parametrize("fact", sorted(LIFECYCLE.internal))
async def test_a_fact_is_no_command(client: httpx.AsyncClient, fact: str) -> None:
    """What only events tell has no route."""
    problem_of(await client.post(path_of(await add(client), fact)), 404, "not-found")


async def test_an_email_has_one_living_customer(client: httpx.AsyncClient) -> None:
    """A second one is refused however it is spelled, on create and change; a deleted one frees the address."""
    email = fresh_email()
    one, two = await add(client, email=email), await add(client)

    created = await client.post(CUSTOMERS, json={"name": "Eve", "email": email.upper()})
    changed = await client.patch(path_of(two), json={"email": email.title()})
    itself = await client.patch(path_of(one), json={"email": email.upper()})
    await client.delete(path_of(one))
    freed = await client.patch(path_of(two), json={"email": email})

    problem_of(created, 409, "email-taken")
    problem_of(changed, 409, "email-taken")
    assert (itself.status_code, freed.status_code) == (200, 200)


async def test_a_restored_customer_gives_way_to_the_living(client: httpx.AsyncClient, room: CustomerRoom) -> None:
    """An address, or a user, that lives again elsewhere stands in the way: 409, and it stays deleted."""
    email, user_id = fresh_email(), uuid4()
    linked = {"user_id": user_id, "user_status": UserStatus.ACTIVE}
    by_email, by_user = await add(client, email=email), await store(room, **linked)
    for customer in (by_email, by_user):
        await client.delete(path_of(customer))
    await add(client, email=email)
    await store(room, **linked)

    problem_of(await client.post(path_of(by_email, "restore")), 409, "email-taken")
    problem_of(await client.post(path_of(by_user, "restore")), 409, "user-taken")
    problem_of(await client.get(path_of(by_email)), 404, "not-found")


async def test_the_fifty_first_tag_is_refused(client: httpx.AsyncClient) -> None:
    """Tags are limited whichever way they come."""
    customer = await add(client, tags=[f"tag {number}" for number in range(50)])

    answer = await client.put(path_of(customer, "tags/one%20more"))

    problem_of(answer, 409, "too-many-tags")
    assert (await client.put(path_of(customer, "tags/tag%207"))).status_code == 200
