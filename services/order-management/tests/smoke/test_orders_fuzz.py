"""Bodies that are almost right, made wrong at random: refused or accepted, never a fault of ours."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest
from order_rooms import ADDRESS, ORDERS, create, euro, line, order_body, path_of

WHOLE = order_body(
    lines=[line(discount={"percent": "5"}), line(discount={"amount": euro(5)})],
    discount={"percent": "10"},
    shipping={"name": "Post", "price": euro(499), "tax_rate": "0.1"},
    billing_address=ADDRESS,
    note="gift",
    tax_inclusive=True,
)
ATOMS: list[Any] = [
    *(None, True, 0, -1, 1, 1.5, 2**31, 2**63, 2**64, 10**14),
    *("", "x", "0.2", "101", "EUR", "USD", "a\u202eb", "x" * 3000, "018f0000-0000-7000-8000-000000000000"),
    *([], {}, euro(1), euro(10**14), {"percent": "100"}, ADDRESS, line(), [line()]),
]


def spoilt(value: Any, dice: random.Random) -> Any:
    """The value with something in it replaced."""
    if isinstance(value, dict) and value:
        key = dice.choice(sorted(value))
        inner = spoilt(value[key], dice) if dice.random() < 0.6 else dice.choice(ATOMS)
        return {**value, key: inner}
    if isinstance(value, list) and value:
        return [spoilt(each, dice) for each in value]
    return dice.choice(ATOMS)


@pytest.mark.parametrize("seed", range(3))
async def test_almost_right_bodies(client: httpx.AsyncClient, staff: dict[str, str], seed: int) -> None:
    """Whatever is wrong with it: 2xx or 422, and what can be previewed can be created."""
    dice, order = random.Random(seed), await create(client)

    for _ in range(60):
        body = spoilt(WHOLE, dice)
        change = {name: body[name] for name in body if name not in ("currency", "tax_inclusive", "customer_id")}
        answers = [
            await client.post(ORDERS, json=body),
            await client.post(f"{ORDERS}/preview", json=body),
            await client.patch(path_of(order), json=change, headers={"If-Match": "*"}),
            await client.post(path_of(order, "lines"), json=spoilt(line(), dice)),
        ]
        assert {answer.status_code for answer in answers} <= {200, 201, 422}, body
        created, previewed = answers[0].status_code == 201, answers[1].status_code == 200
        assert created == previewed, body
