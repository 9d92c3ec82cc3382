"""Signing keys: made here, sealed at rest, published as a JWKS."""
