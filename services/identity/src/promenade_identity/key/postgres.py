"""Signing keys in PostgreSQL, their private halves sealed."""

from __future__ import annotations

from promenade_chassis.database import Database
from promenade_chassis.repository import BaseRepository, Row

from promenade_identity.key.entity import SigningKey
from promenade_identity.sealing import Seal

# One key for everybody who would make the first signing key.
_HOLD = "SELECT pg_advisory_xact_lock(7236618002)"
_ALL = "SELECT * FROM signing_key ORDER BY created_at"
_ADD = """
INSERT INTO signing_key (kid, public_key, sealed, created_at, signs_from, retires_at)
VALUES (%(kid)s, %(public_key)s, %(sealed)s, %(created_at)s, %(signs_from)s, %(retires_at)s)
"""


class PostgresSigningKeys(BaseRepository):
    """The keys of the service's own database."""

    def __init__(self, database: Database, seal: Seal) -> None:
        super().__init__(database)
        self._seal = seal

    async def hold_all(self) -> list[SigningKey]:
        """The keys, held: until the transaction ends nobody else adds one."""
        await self._execute(_HOLD)
        return await self.all()

    async def all(self) -> list[SigningKey]:
        """The keys, oldest first."""
        return [self._to_key(row) for row in await self._fetch_all(_ALL)]

    async def add(self, key: SigningKey) -> None:
        """Store a key, its private half sealed."""
        await self._execute(
            _ADD,
            kid=key.kid,
            public_key=key.public,
            sealed=self._seal.close(key.private, key.kid),
            created_at=key.created_at,
            signs_from=key.signs_from,
            retires_at=key.retires_at,
        )

    def _to_key(self, row: Row) -> SigningKey:
        return SigningKey(
            public=bytes(row["public_key"]),
            private=self._seal.open(bytes(row["sealed"]), row["kid"]),
            created_at=row["created_at"],
            signs_from=row["signs_from"],
            retires_at=row["retires_at"],
        )
