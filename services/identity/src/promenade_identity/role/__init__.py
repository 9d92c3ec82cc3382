"""Roles: named sets of permissions, five of the system and any number of custom ones."""
