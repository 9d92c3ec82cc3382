"""One sample of every event type: what the golden files hold and consumers test their reactions with.

The samples tell one story: Ada registers, orders tea, pays, and gets it.
"""

from collections.abc import Mapping
from types import MappingProxyType

from promenade_kernel.events.registry import Event, wire_type
from promenade_kernel.events.samples import billing, customer_management, identity, order_management

SAMPLES: Mapping[str, Event] = MappingProxyType(
    {
        wire_type(sample): sample
        for samples in (identity.SAMPLES, customer_management.SAMPLES, order_management.SAMPLES, billing.SAMPLES)
        for sample in samples
    }
)
"""A sample by its wire type."""
