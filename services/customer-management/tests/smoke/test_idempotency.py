"""Idempotency-Key on the POSTs of customers."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from customer_rooms import CUSTOMERS, add, fresh_email, path_of
from promenade_chassis.testing.answers import problem_of


@pytest.fixture
def key() -> dict[str, str]:
    """A key nobody has used."""
    return {"Idempotency-Key": str(uuid4())}


async def test_a_repeated_post_is_answered_from_memory(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """Same key and body: one customer, the same status, body, Location and ETag, and a header that says so."""
    body = {"name": "Ada", "email": fresh_email()}

    first = await client.post(CUSTOMERS, json=body, headers=key)
    again = await client.post(CUSTOMERS, json=body, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    for name in ("location", "etag", "content-type"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await client.get(CUSTOMERS)).json()["items"]) == 1


async def test_a_repeated_command_moves_once(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """A lost answer is asked for again: 200 as before, where without a key it were 409; one entry on the timeline."""
    customer = await add(client)

    first = await client.post(path_of(customer, "qualify"), headers=key)
    again = await client.post(path_of(customer, "qualify"), headers=key)
    without = await client.post(path_of(customer, "qualify"))

    assert (again.status_code, again.content) == (200, first.content)
    problem_of(without, 409, "invalid-transition")
    entries = (await client.get(path_of(customer, "timeline"))).json()["items"]
    assert [entry["kind"] for entry in entries] == ["lifecycle.changed", "customer.created"]


async def test_a_key_belongs_to_one_body(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """The same key with another body answers 422 and does nothing."""
    await client.post(CUSTOMERS, json={"name": "Ada"}, headers=key)

    problem_of(await client.post(CUSTOMERS, json={"name": "Eve"}, headers=key), 422, "idempotency-key-reused")
    assert len((await client.get(CUSTOMERS)).json()["items"]) == 1


async def test_a_refusal_does_not_consume_the_key(client: httpx.AsyncClient, key: dict[str, str]) -> None:
    """Only successes are recorded, and a refused one leaves nothing on a timeline."""
    email = fresh_email()
    await add(client, email=email)
    refused = await client.post(CUSTOMERS, json={"name": "Eve", "email": email}, headers=key)

    answer = await client.post(CUSTOMERS, json={"name": "Eve"}, headers=key)

    problem_of(refused, 409, "email-taken")
    assert answer.status_code == 201


@pytest.mark.parametrize("value", ["", '""', "x" * 256, "a\tb"])
async def test_a_bad_key_is_refused(client: httpx.AsyncClient, value: str) -> None:
    """Keys have 1 to 255 printable ASCII characters."""
    answer = await client.post(CUSTOMERS, json={"name": "Ada"}, headers={"Idempotency-Key": value})

    problem_of(answer, 400, "bad-idempotency-key")
