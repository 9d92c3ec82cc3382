"""How each write of Order Management is made possible, for the contract that all routes of the house share."""

from __future__ import annotations

from typing import Any

import httpx
from order_rooms import ORDERS, create, fulfillment_path, order_body, path_of, place
from order_world import World
from promenade_chassis.testing.route_contract import Act

DRAFT = {
    "change_order": ("", {"note": "changed"}),
    "discard_order": ("", None),
    "add_order_line": ("lines", order_body()["lines"][0]),
    "change_order_line": ("lines/LINE", {"quantity": 9}),
    "remove_order_line": ("lines/LINE", None),
    "place_order": ("place", None),
}
# What has to happen to a fulfillment first, and what the command says.
PARCEL: dict[str, tuple[list[str], dict[str, Any] | None]] = {
    "pack": ([], None),
    "ship": ([], {"carrier": "Post"}),
    "cancel": ([], None),
    "deliver": (["ship"], None),
    "lose": (["ship"], None),
    "fail": (["ship"], {"reason": "nobody there"}),
    "return-to-sender": (["ship", "fail"], None),
}


class OrderActs:
    """`client` orders, `staff` are the headers of who handles orders."""

    def __init__(self, client: httpx.AsyncClient, staff: dict[str, str], world: World) -> None:
        self._client = client
        self._staff = staff
        self._world = world

    async def __call__(self, operation: str) -> Act:
        """The request of an operation, possible now."""
        if operation in ("create_order", "preview_order"):
            return Act(path=ORDERS + ("/preview" if operation == "preview_order" else ""), body=order_body())
        if operation in DRAFT:
            return await self._on_draft(*DRAFT[operation])
        if operation in ("hold_order", "release_order"):
            return await self._on_hold(operation.partition("_")[0])
        if operation == "create_fulfillment":
            paid = await self._paid()
            return Act(path=path_of(paid, "fulfillments"), body={}, watch=path_of(paid), headers=self._staff)
        command = operation.replace("_fulfillment", "").replace("_", "-")
        return await self._on_parcel(command, *PARCEL[command])

    async def _on_draft(self, under: str, body: dict[str, Any] | None) -> Act:
        order = await create(self._client)
        more = [under.replace("LINE", order["lines"][0]["id"])] if under else []
        return Act(path=path_of(order, *more), body=body, watch=path_of(order))

    async def _on_hold(self, command: str) -> Act:
        order = await place(self._client)
        if command == "release":
            await self._do(path_of(order, "hold"), {"reason": "x"})
        body = {"reason": "x"} if command == "hold" else None
        return Act(path=path_of(order, command), body=body, watch=path_of(order), headers=self._staff)

    async def _on_parcel(self, command: str, before: list[str], body: dict[str, Any] | None) -> Act:
        parcel = await self._do(path_of(await self._paid(), "fulfillments"), {})
        for step in before:
            await self._do(fulfillment_path(parcel, step), {})
        path = fulfillment_path(parcel, command)
        return Act(path=path, body=body, watch=fulfillment_path(parcel), headers=self._staff)

    async def _paid(self) -> dict[str, Any]:
        order = await place(self._client)
        await self._world.invoice_paid(order)
        return order

    async def _do(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._client.post(path, json=body, headers=self._staff)
        assert answer.is_success, answer.text
        return answer.json()
