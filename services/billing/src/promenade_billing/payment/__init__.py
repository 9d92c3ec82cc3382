"""Payments: money on its way from the buyer, through a provider, to an invoice."""
