"""Users: registration, states, passwords."""
