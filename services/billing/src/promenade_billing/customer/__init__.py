"""Customers: the local copy of what customer management tells of them."""
