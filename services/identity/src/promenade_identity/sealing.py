"""What the service's one secret is good for: a key of its own for every purpose, and sealed bytes."""

from __future__ import annotations

import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


def derived_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF-SHA256): who learns one of them learns nothing of the others."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"promenade-identity {purpose}".encode()).derive(
        secret.encode()
    )


class Seal:
    """AES-256-GCM. What was sealed for one place (`bound_to`) cannot be opened in another."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, content: bytes, bound_to: str) -> bytes:
        """The sealed content, its nonce in front."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """The content; raises `cryptography.exceptions.InvalidTag` when key or place are wrong."""
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
