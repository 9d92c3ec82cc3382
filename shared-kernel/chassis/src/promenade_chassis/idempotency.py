"""Idempotency-Key: the answer to a POST, stored in the transaction of its effect."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from psycopg.types.json import Jsonb

from promenade_chassis.database import Database
from promenade_chassis.ports import BadRequest, Conflict, DomainError

MAX_KEY_LENGTH = 255
KEPT_HEADERS = ("location", "etag", "content-type")


class BadIdempotencyKey(BadRequest):
    """The key is empty, too long, or has characters that a header value cannot carry."""

    slug = "bad-idempotency-key"
    title = f"Idempotency-Key must be 1 to {MAX_KEY_LENGTH} printable ASCII characters"
    advice = "Send any text of that length, a UUID for instance; quoted or bare."


class IdempotencyKeyInFlight(Conflict):
    """The first request with this key is still at work."""

    slug = "idempotency-key-in-flight"
    title = "A request with this Idempotency-Key is still at work; try again"
    advice = "Wait as long as Retry-After says and send the same again."

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class IdempotencyKeyReused(DomainError):
    """The key was used with another body."""

    slug = "idempotency-key-reused"
    status = 422
    title = "This Idempotency-Key was used with another body"
    advice = "Use a new key for every new request, and the old one only to repeat the same."


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered: status, the headers that matter, body."""

    status: int
    headers: dict[str, str]
    body: bytes


class IdempotencyStore(Protocol):
    """Keeps answers by (scope, key) for 24 h. Scope is principal + method + concrete path."""

    async def lock(self, scope: str, key: str) -> None:
        """Take the key for the running transaction; raises `IdempotencyKeyInFlight` when another one has it."""
        ...

    async def find(self, scope: str, key: str, body_hash: bytes) -> StoredAnswer | None:
        """The stored answer; raises `IdempotencyKeyReused` when the body was another."""
        ...

    async def store(self, scope: str, key: str, body_hash: bytes, answer: StoredAnswer) -> None:
        """Store the answer in the running transaction."""
        ...


def parse_key(header: str) -> str:
    """The key of the header's value, quoted (IETF draft) or bare."""
    quoted = len(header) >= 2 and header[0] == header[-1] == '"'
    key = header[1:-1] if quoted else header
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise BadIdempotencyKey
    return key


def hash_body(body: bytes) -> bytes:
    """SHA-256 of the raw body."""
    return hashlib.sha256(body).digest()


_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%(high)s::int, %(low)s::int) AS locked"
_FIND = """
SELECT body_hash, status, headers, body FROM idempotency_record
WHERE scope = %(scope)s AND key = %(key)s AND created_at > now() - interval '24 hours'
"""
_STORE = """
INSERT INTO idempotency_record (scope, key, body_hash, status, headers, body)
VALUES (%(scope)s, %(key)s, %(body_hash)s, %(status)s, %(headers)s, %(body)s)
ON CONFLICT (scope, key) DO UPDATE SET body_hash = excluded.body_hash, status = excluded.status,
    headers = excluded.headers, body = excluded.body, created_at = now()
"""
_CLEAN_UP = """
DELETE FROM idempotency_record WHERE ctid IN (
    SELECT ctid FROM idempotency_record WHERE created_at < now() - interval '24 hours' LIMIT 1000)
"""


class PostgresIdempotencyStore:
    """The records in the service's own database; a killed process's lock dies with its connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock(self, scope: str, key: str) -> None:
        """Take the key for the running transaction; raises `IdempotencyKeyInFlight`."""
        high, low = _lock_numbers(scope, key)
        connection = self._database.writing_connection()
        row = await (await connection.execute(_TRY_LOCK, {"high": high, "low": low})).fetchone()
        if row is None or not row["locked"]:
            raise IdempotencyKeyInFlight

    async def find(self, scope: str, key: str, body_hash: bytes) -> StoredAnswer | None:
        """The stored answer; raises `IdempotencyKeyReused` when the body was another."""
        connection = self._database.writing_connection()
        row = await (await connection.execute(_FIND, {"scope": scope, "key": key})).fetchone()
        if row is None:
            return None
        if bytes(row["body_hash"]) != body_hash:
            raise IdempotencyKeyReused
        return StoredAnswer(status=row["status"], headers=row["headers"], body=bytes(row["body"]))

    async def store(self, scope: str, key: str, body_hash: bytes, answer: StoredAnswer) -> None:
        """Store the answer in the running transaction."""
        await self._database.writing_connection().execute(
            _STORE,
            {
                "scope": scope,
                "key": key,
                "body_hash": body_hash,
                "status": answer.status,
                "headers": Jsonb(answer.headers),
                "body": answer.body,
            },
        )

    async def clean_up(self) -> int:
        """Delete up to 1,000 records older than 24 h; answers how many."""
        async with self._database.begin():
            return (await self._database.writing_connection().execute(_CLEAN_UP)).rowcount


def _lock_numbers(scope: str, key: str) -> tuple[int, int]:
    digest = hashlib.sha256(f"{scope}\x00{key}".encode()).digest()
    return int.from_bytes(digest[:4], "big", signed=True), int.from_bytes(digest[4:8], "big", signed=True)
