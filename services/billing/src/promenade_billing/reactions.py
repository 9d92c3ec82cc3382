"""All this context listens to."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_chassis.events.bus import Bus
from promenade_kernel.events.customer_management import (
    CustomerCopy,
    CustomerCreated,
    CustomerDeleted,
    CustomerUpdated,
)
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.order_management import OrderPlaced

from promenade_billing.customer.entity import Customer
from promenade_billing.customer.use_cases import CustomerRoom, copy_customer, mark_customer_deleted
from promenade_billing.invoice.use_cases import InvoiceRoom, invoice_order


@dataclass(frozen=True)
class Reactions:
    """Each runs in the transaction of its inbox row: what it writes and that row commit together."""

    customer_room: CustomerRoom
    invoice_room: InvoiceRoom

    def subscribe(self, bus: Bus) -> None:
        """Tell the bus what this context reacts to."""
        bus.subscribe(CustomerCreated, self.on_customer_created)
        bus.subscribe(CustomerUpdated, self.on_customer_updated)
        bus.subscribe(CustomerDeleted, self.on_customer_deleted)
        bus.subscribe(OrderPlaced, self.on_order_placed, alone=True)  # it takes an invoice number: nobody waits longer

    async def on_customer_created(self, event: CustomerCreated, envelope: Envelope) -> None:
        """Keep a copy."""
        await copy_customer(_copy(event, envelope), room=self.customer_room)

    async def on_customer_updated(self, event: CustomerUpdated, envelope: Envelope) -> None:
        """Keep the newer copy."""
        await copy_customer(_copy(event, envelope), room=self.customer_room)

    async def on_customer_deleted(self, event: CustomerDeleted, envelope: Envelope) -> None:
        """Note that he is gone."""
        await mark_customer_deleted(event.customer_id, event.user_id, envelope.sequence, room=self.customer_room)

    async def on_order_placed(self, event: OrderPlaced, _: Envelope) -> None:
        """The order's invoice."""
        await invoice_order(event, room=self.invoice_room)


def _copy(event: CustomerCopy, envelope: Envelope) -> Customer:
    return Customer(
        id=event.customer_id,
        sequence=envelope.sequence,
        status=event.status,
        name=event.name,
        email=event.email,
        user_id=event.user_id,
        currency=event.currency,
        timezone=event.timezone,
        billing_address=event.billing_address,
    )
