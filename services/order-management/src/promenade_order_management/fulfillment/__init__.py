"""Fulfillments: goods of an order on their way."""
