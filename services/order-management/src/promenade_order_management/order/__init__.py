"""Orders: what was ordered, for how much, and where it stands."""
