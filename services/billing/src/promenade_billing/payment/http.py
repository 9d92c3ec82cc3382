"""Routes of payments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta
from promenade_chassis.http.access import own
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import (
    Caller,
    ExpectedVersion,
    PathId,
    Resource,
    command,
    created,
    shown,
)
from promenade_kernel.values.money import Money

from promenade_billing.payment import use_cases
from promenade_billing.payment.entity import Payment, PaymentStatus
from promenade_billing.payment.repository import PAYMENTS, PaymentFilter
from promenade_billing.payment.use_cases import PaymentRoom

PATH = "/api/v1/billing/payments"
READ, CREATE = own("payments:read"), own("payments:create")
Room = NamedDependency[PaymentRoom]


class CreatePayment(msgspec.Struct, kw_only=True):
    """What to pay; `amount` left out means all that is due and not being paid yet."""

    invoice_id: UUID
    method: Annotated[str, Meta(min_length=1, max_length=100)]
    amount: Money | None = None


class FailureShown(msgspec.Struct):
    """Why no money came; `retryable`: the same method may be tried again."""

    code: str
    retryable: bool


class PaymentResource(Resource, kw_only=True):
    """A payment; `settled_at` is when it became certain what came of it."""

    number: str
    status: PaymentStatus
    allowed_actions: list[str]
    invoice_id: UUID
    amount: Money
    refunded_amount: Money
    method: str
    provider: str
    provider_ref: str | None
    attempt: int
    failure: FailureShown | None
    settled_at: datetime | None


Answer = Response[PaymentResource]


def to_resource(payment: Payment) -> PaymentResource:
    """The payment as the API shows it."""
    failure = payment.failure
    return PaymentResource(
        id=payment.id,
        version=payment.version,
        created_at=payment.created_at,
        updated_at=payment.updated_at,
        number=payment.number,
        status=payment.status,
        allowed_actions=payment.allowed_actions,
        invoice_id=payment.invoice_id,
        amount=payment.amount,
        refunded_amount=payment.refunded_amount,
        method=payment.method,
        provider=payment.provider,
        provider_ref=payment.provider_ref,
        attempt=payment.attempt,
        failure=FailureShown(failure.code, failure.retryable) if failure else None,
        settled_at=payment.settled_at,
    )


class PaymentController(Controller):
    """/payments"""

    path = "/payments"
    tags = ("payments",)

    @post("/", access=CREATE, operation_id="create_payment", summary="Pay an invoice", status_code=201, refuses=(404,))
    async def create(self, data: JSONBody[CreatePayment], principal: Caller, payment_room: Room) -> Answer:
        """Begins to charge a method. The answer is always `processing`; read it again for the outcome."""
        payment = await use_cases.create_payment(
            data.invoice_id, data.amount, data.method, principal=principal, room=payment_room
        )
        return created(to_resource(payment), f"{PATH}/{payment.id}")

    @listing("/", PAYMENTS, access=READ, operation_id="list_payments", summary="List payments")
    async def list(
        self, asked: Asked[PaymentFilter], principal: Caller, payment_room: Room
    ) -> Response[Listing[PaymentResource]]:
        """The payments of one's own invoices, newest first; staff see everybody's."""
        found = await use_cases.list_payments(asked.wanted, asked.page, principal=principal, room=payment_room)
        return listed(asked, found.map(to_resource))

    @get("/{payment_id:uuid}", access=READ, operation_id="get_payment", summary="Read a payment")
    async def read(self, payment_id: PathId, principal: Caller, payment_room: Room) -> Answer:
        """The payment with its ETag."""
        return shown(to_resource(await use_cases.get_payment(payment_id, principal=principal, room=payment_room)))

    @command("/{payment_id:uuid}/confirm", access=CREATE, operation_id="confirm_payment", summary="Confirm a payment")
    async def confirm(
        self, payment_id: PathId, expected_version: ExpectedVersion, principal: Caller, payment_room: Room
    ) -> Answer:
        """Goes on with a payment that required an action of the buyer."""
        payment = await use_cases.confirm_payment(
            payment_id, expected_version=expected_version, principal=principal, room=payment_room
        )
        return shown(to_resource(payment))
