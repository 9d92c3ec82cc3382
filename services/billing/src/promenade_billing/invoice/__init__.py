"""Invoices: what is owed, by whom, and how much of it is still to pay."""
