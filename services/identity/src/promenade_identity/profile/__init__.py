"""Profiles: what a user tells about himself."""
