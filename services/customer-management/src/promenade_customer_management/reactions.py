"""All this context listens to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from promenade_chassis.events.bus import Bus
from promenade_kernel.events import billing, identity
from promenade_kernel.events import order_management as orders
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_customer_management.customer.entity import Told, UserStatus
from promenade_customer_management.customer.use_cases import facts
from promenade_customer_management.customer.use_cases.facts import Happening
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_customer_management.customer.user_profile import UserProfile


@dataclass(frozen=True)
class Reactions:
    """Each runs in the transaction of its inbox row, once."""

    room: CustomerRoom

    def subscribe(self, bus: Bus) -> None:
        """Tell the bus what this context reacts to."""
        bus.subscribe(identity.UserRegistered, self.on_user_registered)
        bus.subscribe(identity.UserActivated, self.on_user_activated)
        bus.subscribe(identity.UserSuspended, self.on_user_suspended)
        bus.subscribe(identity.UserReinstated, self.on_user_reinstated)
        bus.subscribe(identity.UserDeleted, self.on_user_deleted)
        bus.subscribe(identity.UserRestored, self.on_user_restored)
        bus.subscribe(identity.ProfileUpdated, self.on_profile_updated)
        bus.subscribe(identity.ContactVerified, self.on_contact_verified)
        bus.subscribe(identity.ContactMadePrimary, self.on_contact_made_primary)
        bus.subscribe(orders.OrderPlaced, self.on_order_placed)
        bus.subscribe(orders.OrderConfirmed, self.on_order_confirmed)
        bus.subscribe(orders.OrderCompleted, self.on_order_completed)
        bus.subscribe(orders.FulfillmentShipped, self.on_fulfillment_shipped)
        bus.subscribe(orders.FulfillmentDelivered, self.on_fulfillment_delivered)
        bus.subscribe(billing.InvoiceFinalized, self.on_invoice_finalized)
        bus.subscribe(billing.InvoicePaid, self.on_invoice_paid)
        bus.subscribe(billing.InvoiceVoided, self.on_invoice_voided)
        bus.subscribe(billing.InvoiceRejected, self.on_invoice_rejected)
        bus.subscribe(billing.PaymentSucceeded, self.on_payment_succeeded)
        bus.subscribe(billing.PaymentFailed, self.on_payment_failed)

    async def on_user_registered(self, event: identity.UserRegistered, envelope: Envelope) -> None:
        """A lead, unless an unlinked customer waits for the proof of that email."""
        await facts.welcome_registered_user(
            event.user_id, event.email, event.display_name, _told(event.user_id, envelope), room=self.room
        )

    async def on_user_activated(self, event: identity.UserActivated, envelope: Envelope) -> None:
        """The email is proved: link or complete."""
        told = _told(event.user_id, envelope)
        await facts.link_activated_user(
            event.user_id, event.email, event.display_name, event.locale, told, room=self.room
        )

    async def on_user_suspended(self, event: identity.UserSuspended, envelope: Envelope) -> None:
        """Flag it."""
        await facts.flag_user(event.user_id, UserStatus.SUSPENDED, _told(event.user_id, envelope), room=self.room)

    async def on_user_reinstated(self, event: identity.UserReinstated, envelope: Envelope) -> None:
        """Take the flag back."""
        await facts.flag_user(event.user_id, UserStatus.ACTIVE, _told(event.user_id, envelope), room=self.room)

    async def on_user_deleted(self, event: identity.UserDeleted, envelope: Envelope) -> None:
        """Flag it."""
        await facts.flag_user(event.user_id, UserStatus.DELETED, _told(event.user_id, envelope), room=self.room)

    async def on_user_restored(self, event: identity.UserRestored, envelope: Envelope) -> None:
        """He is again what he was when he was deleted."""
        await facts.flag_user(event.user_id, UserStatus(event.status), _told(event.user_id, envelope), room=self.room)

    async def on_profile_updated(self, event: identity.ProfileUpdated, envelope: Envelope) -> None:
        """Copy name, locale and timezone."""
        full_name = " ".join(part for part in (event.given_name, event.family_name) if part)
        told = UserProfile.told(
            envelope.sequence, name=event.display_name or full_name, locale=event.locale, timezone=event.timezone
        )
        await facts.learn_profile(event.user_id, told, envelope.time, room=self.room)

    async def on_contact_verified(self, event: identity.ContactVerified, envelope: Envelope) -> None:
        """Copy the primary email or phone, and any phone where there is none."""
        await self._contact(event, envelope, is_primary=event.is_primary)

    async def on_contact_made_primary(self, event: identity.ContactMadePrimary, envelope: Envelope) -> None:
        """Copy the email or phone that took the first place."""
        await self._contact(event, envelope, is_primary=True)

    async def on_order_placed(self, event: orders.OrderPlaced, _: Envelope) -> None:
        """Who orders is a prospect."""
        summary = f"Order {event.number} over {event.totals.total} placed"
        await self._order("order.placed", summary, event.placed_at, event, moves="order-placed")

    async def on_order_confirmed(self, event: orders.OrderConfirmed, _: Envelope) -> None:
        """Who has paid is a customer."""
        await self._order(
            "order.confirmed", f"Order {event.number} confirmed", event.confirmed_at, event, moves="order-confirmed"
        )

    async def on_order_completed(self, event: orders.OrderCompleted, _: Envelope) -> None:
        """For the timeline."""
        await self._order("order.completed", f"Order {event.number} completed", event.completed_at, event)

    async def on_fulfillment_shipped(self, event: orders.FulfillmentShipped, _: Envelope) -> None:
        """For the timeline."""
        await self._order("fulfillment.shipped", f"Order {event.order_number} shipped", event.shipped_at, event)

    async def on_fulfillment_delivered(self, event: orders.FulfillmentDelivered, _: Envelope) -> None:
        """For the timeline."""
        await self._order("fulfillment.delivered", f"Order {event.order_number} delivered", event.delivered_at, event)

    async def on_invoice_finalized(self, event: billing.InvoiceFinalized, _: Envelope) -> None:
        """For the timeline."""
        summary = f"Invoice {event.number} over {event.total}"
        await self._invoice("invoice.finalized", summary, event.issued_at, event)

    async def on_invoice_paid(self, event: billing.InvoicePaid, _: Envelope) -> None:
        """For the timeline."""
        await self._invoice("invoice.paid", f"Invoice {event.number} paid", event.paid_at, event)

    async def on_invoice_voided(self, event: billing.InvoiceVoided, _: Envelope) -> None:
        """For the timeline; a draft has no number."""
        summary = f"Invoice {event.number} voided" if event.number else "Invoice voided"
        await self._invoice("invoice.voided", summary, event.voided_at, event)

    async def on_invoice_rejected(self, event: billing.InvoiceRejected, envelope: Envelope) -> None:
        """For the timeline."""
        summary = f"Invoice held: {event.total} instead of {event.order_total}"
        await self._invoice("invoice.rejected", summary, envelope.time, event)

    async def on_payment_succeeded(self, event: billing.PaymentSucceeded, _: Envelope) -> None:
        """For the timeline."""
        await self._invoice("payment.succeeded", f"Paid {event.amount}", event.succeeded_at, event)

    async def on_payment_failed(self, event: billing.PaymentFailed, _: Envelope) -> None:
        """For the timeline."""
        summary = f"Payment of {event.amount} failed: {event.failure_code}"
        await self._invoice("payment.failed", summary, event.failed_at, event)

    async def _contact(
        self, event: identity.ContactVerified | identity.ContactMadePrimary, envelope: Envelope, *, is_primary: bool
    ) -> None:
        value = Email(event.value) if event.type == "email" else Phone(event.value)
        told = _told(event.contact_id, envelope)
        await facts.learn_contact(event.user_id, value, told, is_primary=is_primary, room=self.room)

    async def _order(
        self,
        kind: str,
        summary: str,
        at: datetime,
        event: orders.OrderFact | orders.FulfillmentFact,
        moves: str | None = None,
    ) -> None:
        await self._record(
            kind, summary, at, event.customer_id, event.user_id, {"order_id": str(event.order_id)}, moves
        )

    async def _invoice(self, kind: str, summary: str, at: datetime, event: billing.InvoiceState) -> None:
        data = {"invoice_id": str(event.invoice_id), "order_id": str(event.order_id) if event.order_id else None}
        await self._record(kind, summary, at, event.customer_id, event.user_id, data)

    async def _record(
        self,
        kind: str,
        summary: str,
        at: datetime,
        customer_id: UUID | None,
        user_id: UUID | None,
        data: dict[str, Any],
        moves: str | None = None,
    ) -> None:
        happening = Happening(
            kind=kind, summary=summary, at=at, customer_id=customer_id, user_id=user_id, data=data, moves=moves
        )
        await facts.record_happening(happening, room=self.room)


def _told(by: UUID, envelope: Envelope) -> Told:
    return Told(by=by, sequence=envelope.sequence, at=envelope.time)
