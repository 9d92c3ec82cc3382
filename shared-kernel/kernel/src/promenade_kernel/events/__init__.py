"""Events: registry, envelope, and one file of schemas per producing context."""

# Importing the package fills the registry, so that no reader can miss a type.
from promenade_kernel.events import billing, customer_management, identity, order_management

__all__ = ["billing", "customer_management", "identity", "order_management"]
