"""One answer with all that a signed-in user is."""
