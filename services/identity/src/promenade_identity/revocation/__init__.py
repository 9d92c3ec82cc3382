"""Revocations: which access tokens stopped counting before their time."""
