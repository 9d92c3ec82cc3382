"""What the service's one secret is good for: a key of its own for every purpose, and sealed bytes."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


def derived_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose (HKDF-SHA256): who learns one of them learns nothing of the others."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"promenade-identity {purpose}".encode()).derive(
        secret.encode()
    )


class SealBroken(Exception):
    """None of the keys opens it: it was sealed with another secret, for another place, or changed since."""


class Seal:
    """AES-256-GCM. What was sealed for one place (`bound_to`) cannot be opened in another.

    It closes with `key`, and opens also what one of the `others` has closed: so that a secret can be exchanged.
    """

    def __init__(self, key: bytes, *others: bytes) -> None:
        self._cipher, *self._others = [AESGCM(each) for each in (key, *others)]

    def close(self, content: bytes, bound_to: str) -> bytes:
        """The sealed content, its nonce in front."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """The content; raises `SealBroken` when key or place are wrong."""
        for cipher in (self._cipher, *self._others):
            content = _opened(cipher, sealed, bound_to)
            if content is not None:
                return content
        raise SealBroken(bound_to)

    def is_current(self, sealed: bytes, bound_to: str) -> bool:
        """Whether it would open without the other keys."""
        return _opened(self._cipher, sealed, bound_to) is not None


def _opened(cipher: AESGCM, sealed: bytes, bound_to: str) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except InvalidTag:
        return None
