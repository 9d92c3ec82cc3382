"""Samples of customer management's events."""

from promenade_kernel.events import customer_management as events
from promenade_kernel.events.registry import Event
from promenade_kernel.events.samples.story import CUSTOMER, EMAIL, EUR, NAME, OFFICE, USER

SAMPLES: tuple[Event, ...] = (
    events.CustomerCreated(
        customer_id=CUSTOMER,
        name=NAME,
        status="active",
        lifecycle="lead",
        email=EMAIL,
        user_id=USER,
        currency=EUR,
        timezone="Europe/London",
        billing_address=OFFICE,
    ),
    events.CustomerUpdated(
        customer_id=CUSTOMER,
        name=NAME,
        status="active",
        lifecycle="customer",
        email=EMAIL,
        user_id=USER,
        currency=EUR,
        timezone="Europe/Berlin",
        billing_address=OFFICE,
    ),
    events.CustomerDeleted(customer_id=CUSTOMER, user_id=USER),
)
