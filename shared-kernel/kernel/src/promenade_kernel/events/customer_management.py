"""What customer management publishes: the customers others keep a copy of."""

from uuid import UUID

from promenade_kernel.events.registry import Event, event
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency

CONTEXT = "customer-management"


class CustomerCopy(Event, frozen=True, kw_only=True):
    """The whole of what other contexts copy of a customer.

    `status` is `active` or `deleted`; `lifecycle` is `lead`, `prospect`, `customer`, `churned` or `disqualified`.
    Readers tolerate values they do not know.
    """

    customer_id: UUID
    name: str
    status: str
    lifecycle: str
    email: Email | None = None
    user_id: UUID | None = None
    currency: Currency | None = None
    timezone: str | None = None
    billing_address: Address | None = None


@event("customer.created.v1", context=CONTEXT)
class CustomerCreated(CustomerCopy, frozen=True, kw_only=True):
    """A customer came to be."""


@event("customer.updated.v1", context=CONTEXT)
class CustomerUpdated(CustomerCopy, frozen=True, kw_only=True):
    """Something of a customer changed; carries the whole copy, not the difference."""


@event("customer.deleted.v1", context=CONTEXT)
class CustomerDeleted(Event, frozen=True, kw_only=True):
    """A customer is gone; what was sold to him stays."""

    customer_id: UUID
    user_id: UUID | None = None
