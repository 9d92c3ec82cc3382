"""Contacts: the addresses a user can be reached at, and the proof that they are his."""
