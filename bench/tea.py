"""An aggregate with its room, as a service would write it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from promenade_chassis.ports import Aggregate
from promenade_chassis.repository import BaseRepository
from promenade_kernel.events.identity import UserReinstated

INSERT = """
INSERT INTO tea (id, version, last_sequence, name, cups, created_at, updated_at, deleted_at)
VALUES (%(id)s, %(version)s, %(last_sequence)s, %(name)s, %(cups)s, %(created_at)s, %(updated_at)s, %(deleted_at)s)
"""
_UPDATE = """
UPDATE tea SET version = %(version)s, last_sequence = %(last_sequence)s, cups = %(cups)s, updated_at = %(updated_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
_GET = "SELECT * FROM tea WHERE id = %(id)s AND deleted_at IS NULL"


class NoTeaLeft(Exception):
    """The pot is empty."""


@dataclass(kw_only=True)
class Tea(Aggregate):
    """A pot of tea, from which cups are poured."""

    name: str
    cups: int

    def pour(self) -> None:
        """Pour a cup."""
        if self.cups == 0:
            raise NoTeaLeft
        self.cups -= 1
        self.record(UserReinstated(user_id=self.id))


class PostgresTeas(BaseRepository):
    """Teas in PostgreSQL."""

    async def get(self, tea_id: UUID) -> Tea:
        """Load one."""
        row = await self._fetch_one(_GET, id=tea_id)
        assert row is not None, tea_id
        return Tea(**row)

    async def add(self, tea: Tea) -> None:
        """Write a new one with its events."""
        await self._insert(tea, INSERT, name=tea.name, cups=tea.cups)

    async def save(self, tea: Tea) -> None:
        """Write a changed one with its events."""
        await self._update(tea, _UPDATE, cups=tea.cups)
