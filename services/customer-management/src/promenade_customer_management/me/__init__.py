"""The signed-in user's own customer."""
