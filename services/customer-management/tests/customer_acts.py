"""How each write of Customer Management is made possible, for the contract that all routes of the house share."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
from customer_rooms import CUSTOMERS, add, fresh_email, path_of
from promenade_chassis.testing.route_contract import Act

# What has to happen first, how the path goes on, and what the request says.
CHANGES: dict[str, tuple[list[str], str, dict[str, Any] | None]] = {
    "change_customer": ([], "", {"name": "Eve"}),
    "delete_customer": ([], "", None),
    "assign_customer": ([], "assign", {"owner_id": str(uuid4())}),
    "qualify_customer": ([], "qualify", None),
    "disqualify_customer": ([], "disqualify", {"reason": "x"}),
    "recycle_customer": (["disqualify"], "recycle", None),
    "convert_customer": ([], "convert", None),
    "churn_customer": (["convert"], "churn", {"reason": "x"}),
    "reactivate_customer": (["convert", "churn"], "reactivate", None),
    "tag_customer": ([], "tags/vip", None),
    "untag_customer": (["tags/vip"], "tags/vip", None),
    "set_customer_tier": ([], "tier", {"tier": "enterprise"}),
}


class CustomerActs:
    """`client` is signed in as staff."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def __call__(self, operation: str) -> Act:
        """The request of an operation, possible now."""
        if operation == "create_customer":
            return Act(path=CUSTOMERS, body={"name": "Ada", "email": str(fresh_email())})
        customer = await add(self._client)
        if operation == "restore_customer":
            assert (await self._client.delete(path_of(customer))).status_code == 204
            path, version = path_of(customer, "restore"), customer["version"] + 1
            return Act(path=path, watch=path_of(customer), version=version)
        before, under, body = CHANGES[operation]
        for step in before:
            await self._do(customer, step)
        return Act(path=path_of(customer, under), body=body, watch=path_of(customer))

    async def _do(self, customer: dict[str, Any], step: str) -> None:
        body = {"json": {"reason": "x"}} if step in ("disqualify", "churn") else {}
        method = "PUT" if step.startswith("tags/") else "POST"
        answer = await self._client.request(method, path_of(customer, step), **body)
        assert answer.status_code == 200, answer.text
