"""Customers: the local copy of whom others say they are, and which users may not order."""
