"""What the databases say: of billing's facts, and of the provider's money."""

from __future__ import annotations

from typing import Any

from promenade_chassis.database import Database


async def rows(database: Database, statement: Any) -> list[dict[str, Any]]:
    async with database.reading_connection() as connection:
        return await (await connection.execute(statement)).fetchall()


async def captured(database: Database) -> list[int]:
    """What the provider has really taken."""
    charges = await rows(database, "SELECT amount FROM simulated_provider.charge WHERE captured_at IS NOT NULL")
    return [charge["amount"] for charge in charges]


async def told(database: Database) -> list[str]:
    return [row["type"] for row in await rows(database, "SELECT type FROM outbox ORDER BY seq")]


PAID_ONCE = ["invoice.finalized.v1", "payment.succeeded.v1", "invoice.paid.v1"]
