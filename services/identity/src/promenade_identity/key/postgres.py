"""Signing keys in PostgreSQL, their private halves sealed."""

from __future__ import annotations

from datetime import datetime

from promenade_chassis.database import Database
from promenade_chassis.repository import BaseRepository, Row

from promenade_identity.key.entity import SigningKey
from promenade_identity.sealing import Seal

# One lock for everybody who would add or end a key. By name: a number may be somebody else's, as the relay's was once.
_HOLD = "SELECT pg_advisory_xact_lock(hashtextextended('promenade-identity signing keys', 0))"
_ALL = "SELECT * FROM signing_key ORDER BY created_at"
_ADD = """
INSERT INTO signing_key (kid, public_key, sealed, created_at, signs_from, retires_at)
VALUES (%(kid)s, %(public_key)s, %(sealed)s, %(created_at)s, %(signs_from)s, %(retires_at)s)
"""
_END = "UPDATE signing_key SET retires_at = %(retires_at)s WHERE kid = %(kid)s"
_DROP_RETIRED = "DELETE FROM signing_key WHERE retires_at <= %(now)s"
_SEAL = "UPDATE signing_key SET sealed = %(sealed)s WHERE kid = %(kid)s"


class PostgresSigningKeys(BaseRepository):
    """The keys of the service's own database."""

    def __init__(self, database: Database, seal: Seal) -> None:
        super().__init__(database)
        self._seal = seal

    async def hold_all(self) -> list[SigningKey]:
        """The keys, oldest first, held: until the transaction ends nobody else adds or ends one."""
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

    async def end(self, kid: str, retires_at: datetime) -> None:
        """Say until when a key is published."""
        await self._execute(_END, kid=kid, retires_at=retires_at)

    async def drop_retired(self, now: datetime) -> int:
        """Delete the keys whose time is over, private halves and all; answers how many."""
        return await self._execute(_DROP_RETIRED, now=now)

    async def seal_anew(self) -> int:
        """Seal with the present secret what another one had sealed; answers how many."""
        found = {row["kid"]: bytes(row["sealed"]) for row in await self._fetch_all(_ALL)}
        outdated = [kid for kid, sealed in found.items() if not self._seal.is_current(sealed, kid)]
        for kid in outdated:
            await self._execute(_SEAL, kid=kid, sealed=self._seal.close(self._seal.open(found[kid], kid), kid))
        return len(outdated)

    def _to_key(self, row: Row) -> SigningKey:
        return SigningKey(
            public=bytes(row["public_key"]),
            private=self._seal.open(bytes(row["sealed"]), row["kid"]),
            created_at=row["created_at"],
            signs_from=row["signs_from"],
            retires_at=row["retires_at"],
        )
