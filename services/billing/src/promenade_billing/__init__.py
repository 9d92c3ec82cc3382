"""Billing: what is owed and what was paid."""
