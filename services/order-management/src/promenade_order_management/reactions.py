"""All this context listens to."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_chassis.events.bus import Bus
from promenade_kernel.events import billing, identity
from promenade_kernel.events import customer_management as customers
from promenade_kernel.events.envelope import Envelope

from promenade_order_management.customer import use_cases as customer_copies
from promenade_order_management.customer.entity import Customer, Standing
from promenade_order_management.customer.use_cases import CustomerRoom
from promenade_order_management.order import use_cases as orders
from promenade_order_management.order.entity import InvoiceCopy
from promenade_order_management.order.use_cases import OrderRoom


@dataclass(frozen=True)
class Reactions:
    """Each runs in the transaction of its inbox row, once."""

    customer_room: CustomerRoom
    order_room: OrderRoom

    def subscribe(self, bus: Bus) -> None:
        """Tell the bus what this context reacts to."""
        bus.subscribe(customers.CustomerCreated, self.on_customer_created)
        bus.subscribe(customers.CustomerUpdated, self.on_customer_updated)
        bus.subscribe(customers.CustomerDeleted, self.on_customer_deleted)
        bus.subscribe(identity.UserSuspended, self.on_user_suspended)
        bus.subscribe(identity.UserReinstated, self.on_user_reinstated)
        bus.subscribe(identity.UserDeleted, self.on_user_deleted)
        bus.subscribe(identity.UserRestored, self.on_user_restored)
        bus.subscribe(billing.InvoiceFinalized, self.on_invoice_finalized)
        bus.subscribe(billing.InvoicePaid, self.on_invoice_paid)
        bus.subscribe(billing.InvoiceRejected, self.on_invoice_rejected)
        bus.subscribe(billing.PaymentSucceeded, self.on_payment_succeeded)
        bus.subscribe(billing.PaymentFailed, self.on_payment_failed)

    async def on_customer_created(self, event: customers.CustomerCreated, envelope: Envelope) -> None:
        """Keep a copy; his user's orders learn of him."""
        await self._copy(event, envelope)

    async def on_customer_updated(self, event: customers.CustomerUpdated, envelope: Envelope) -> None:
        """Keep a copy; his user may be known only now."""
        await self._copy(event, envelope)

    async def on_customer_deleted(self, event: customers.CustomerDeleted, envelope: Envelope) -> None:
        """Take no new orders for him."""
        await customer_copies.mark_customer_deleted(
            event.customer_id, event.user_id, envelope.sequence, room=self.customer_room
        )

    async def on_user_suspended(self, event: identity.UserSuspended, envelope: Envelope) -> None:
        """Take no new orders of this user."""
        await customer_copies.set_standing(
            event.user_id, Standing.SUSPENDED, envelope.sequence, room=self.customer_room
        )

    async def on_user_reinstated(self, event: identity.UserReinstated, envelope: Envelope) -> None:
        """Take his orders again."""
        await customer_copies.set_standing(event.user_id, Standing.GOOD, envelope.sequence, room=self.customer_room)

    async def on_user_deleted(self, event: identity.UserDeleted, envelope: Envelope) -> None:
        """Take no new orders of this user."""
        await customer_copies.set_standing(event.user_id, Standing.DELETED, envelope.sequence, room=self.customer_room)

    async def on_user_restored(self, event: identity.UserRestored, envelope: Envelope) -> None:
        """Take his orders again, unless he is back as somebody who was suspended."""
        standing = Standing.SUSPENDED if event.status == "suspended" else Standing.GOOD
        await customer_copies.set_standing(event.user_id, standing, envelope.sequence, room=self.customer_room)

    async def on_invoice_finalized(self, event: billing.InvoiceFinalized, _: Envelope) -> None:
        """The order has an invoice."""
        if event.order_id is not None:
            told = _invoice(event, event.number)
            await orders.note_invoice(
                event.order_id, told, "invoice.finalized", room=self.order_room, number=event.number
            )

    async def on_invoice_paid(self, event: billing.InvoicePaid, _: Envelope) -> None:
        """The order is confirmed."""
        if event.order_id is not None:
            await orders.confirm_order(event.order_id, _invoice(event, event.number), room=self.order_room)

    async def on_invoice_rejected(self, event: billing.InvoiceRejected, _: Envelope) -> None:
        """The order is held: billing computes another total."""
        if event.order_id is not None:
            await orders.reject_invoice(event.order_id, _invoice(event), event.reason, room=self.order_room)

    async def on_payment_succeeded(self, event: billing.PaymentSucceeded, _: Envelope) -> None:
        """Copy the amounts."""
        if event.order_id is not None:
            await orders.note_invoice(
                event.order_id,
                _invoice(event, event.invoice_number),
                "payment.succeeded",
                room=self.order_room,
                amount=str(event.amount),
                method=event.method,
            )

    async def on_payment_failed(self, event: billing.PaymentFailed, _: Envelope) -> None:
        """Copy the amounts; the timeline keeps why."""
        if event.order_id is not None:
            await orders.note_invoice(
                event.order_id,
                _invoice(event, event.invoice_number),
                "payment.failed",
                room=self.order_room,
                amount=str(event.amount),
                method=event.method,
                error=event.failure_code,
            )

    async def _copy(self, event: customers.CustomerCopy, envelope: Envelope) -> None:
        copy = Customer(
            id=event.customer_id,
            sequence=envelope.sequence,
            name=event.name,
            status=event.status,
            email=event.email,
            user_id=event.user_id,
        )
        await customer_copies.copy_customer(copy, room=self.customer_room)
        if event.user_id is not None:
            await orders.know_customer(event.user_id, room=self.order_room)


def _invoice(event: billing.InvoiceState, number: str | None = None) -> InvoiceCopy:
    return InvoiceCopy(
        id=event.invoice_id,
        sequence=event.invoice_sequence,
        number=number,
        paid=event.amount_paid,
        refunded=event.amount_refunded,
        due=event.amount_due,
    )
