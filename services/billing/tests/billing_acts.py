"""How each write of Billing is made possible, for the contract that all routes of the house share."""

from __future__ import annotations

from uuid import UUID

import httpx
from billing_rooms import PAYMENTS, World, begin_payment, path_of
from promenade_chassis.testing.route_contract import Act


class BillingActs:
    """`client` is signed in as `user_id`, `staff` are the headers of who handles invoices."""

    def __init__(self, client: httpx.AsyncClient, user_id: UUID, staff: dict[str, str], world: World) -> None:
        self._client = client
        self._user_id = user_id
        self._staff = staff
        self._world = world

    async def __call__(self, operation: str) -> Act:
        """The request of an operation, possible now."""
        if operation == "accept_invoice":
            held = await self._world.place_miscounted(self._user_id)
            return Act(path=path_of(held, "accept"), watch=path_of(held), headers=self._staff)
        invoice = await self._world.place(self._user_id)
        if operation == "void_invoice":
            path = path_of(invoice, "void")
            return Act(path=path, body={"reason": "x"}, watch=path_of(invoice), headers=self._staff)
        if operation == "create_payment":
            return Act(path=PAYMENTS, body={"invoice_id": str(invoice.id), "method": "pm_ok"})
        assert operation == "confirm_payment"
        payment = await begin_payment(self._client, invoice, "pm_requires_action")
        await self._world.work()
        return Act(path=f"{PAYMENTS}/{payment['id']}/confirm", watch=f"{PAYMENTS}/{payment['id']}")
