"""Sessions: signing in and out, access and refresh tokens."""
