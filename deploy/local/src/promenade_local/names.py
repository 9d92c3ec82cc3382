"""The seven names of a stack."""

CONTEXTS = ("identity", "customer-management", "order-management", "billing")
GATEWAY = "gateway"
ENGINES = ("postgres", "valkey")
NAMES = (GATEWAY, *CONTEXTS, *ENGINES)
SUITE = "suite"  # all five applications in one process
