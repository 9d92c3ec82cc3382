"""Cursors: opaque, signed with the configured key, and good for nothing but the list they were made for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from promenade_chassis.config import ConfigurationError, HttpSettings
from promenade_chassis.ports import BadRequest, Ordering, Place

SHORTEST_KEY = 32
_FORM = b"2"
_SIGNATURE_BYTES = 16


class BadCursor(BadRequest):
    """The cursor was not made by this list."""

    slug = "bad-cursor"
    title = "The cursor is not one of this list; start again without it"
    advice = (
        "It is good for one list, one sort and one user: keep all other parameters, or start again without `cursor`."
    )


class Cursors:
    """Makes and reads the cursors of one service.

    The first key signs, all are accepted. What a cursor belongs to (list, filters, sort, whose) is signed with it and
    not part of it: a cursor used with anything else reads as one that was tampered with.
    """

    def __init__(self, context: str, keys: Sequence[str]) -> None:
        # A key of each service's own: one configured key may serve them all.
        self._keys = [hmac.digest(key.encode(), f"cursors of {context}".encode(), hashlib.sha256) for key in keys]

    def write(self, place: Place, belongs_to: bytes) -> str:
        """The cursor that goes on after a place."""
        payload = msgspec.msgpack.encode([place.value, place.id.bytes])
        signature = _signature(self._keys[0], payload, belongs_to)
        return base64.urlsafe_b64encode(_FORM + signature + payload).rstrip(b"=").decode()

    def read(self, cursor: str, belongs_to: bytes, order: Ordering) -> Place:
        """The place to go on after; raises `BadCursor`."""
        raw = _plain(cursor)
        form, signature, payload = raw[:1], raw[1 : 1 + _SIGNATURE_BYTES], raw[1 + _SIGNATURE_BYTES :]
        if form != _FORM or not any(
            hmac.compare_digest(signature, _signature(key, payload, belongs_to)) for key in self._keys
        ):
            raise BadCursor
        # Signed by us, but perhaps by a release whose list had another type of value here.
        value, row = cast("tuple[Any, bytes]", msgspec.msgpack.decode(payload))
        place = Place(UUID(bytes=row), value)
        if not order.is_whole(place):
            raise BadCursor
        return place


def cursors_of(context: str, http: HttpSettings) -> Cursors:
    """The cursors of a service as it is configured.

    Without a key one is made up, for tests and the OpenAPI document; `require_cursor_key` lets nobody serve so.
    """
    return Cursors(context, [key for key in (http.cursor_key, http.cursor_key_other) if key] or [secrets.token_hex()])


def require_cursor_key(http: HttpSettings) -> None:
    """Raise `ConfigurationError` when a key is missing or too short to be one.

    Not before the start: the command line writes the OpenAPI document without any.
    """
    keys = [http.cursor_key, *([http.cursor_key_other] if http.cursor_key_other else [])]
    if any(len(key) < SHORTEST_KEY for key in keys):
        raise ConfigurationError(f"http.cursor_key: set PROMENADE_CURSOR_KEY to at least {SHORTEST_KEY} characters")


def _signature(key: bytes, payload: bytes, belongs_to: bytes) -> bytes:
    return hmac.digest(key, _FORM + hashlib.sha256(belongs_to).digest() + payload, hashlib.sha256)[:_SIGNATURE_BYTES]


def _plain(cursor: str) -> bytes:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursor from error
    # One spelling only: base64 has bits at its end that mean nothing.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != cursor:
        raise BadCursor
    return raw
