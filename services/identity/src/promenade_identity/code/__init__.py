"""Six-digit codes that prove an address: single use, hashed at rest."""
