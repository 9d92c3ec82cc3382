"""Binary columns reach PostgreSQL as what they were."""

from typing import Any

import pytest
from promenade_chassis.columns import bigints, texts, uuids
from promenade_chassis.database import Database
from promenade_kernel.values.ids import new_id

UUIDS = [new_id() for _ in range(600)]
TEXTS = ["", "ä", "a" * 5_000, "NULL", '{"quoted", \\}', *["again"] * 20]
BIGINTS = [0, -1, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize(
    ("kind", "column", "values"),
    [("uuid", uuids, UUIDS), ("text", texts, TEXTS), ("bigint", bigints, BIGINTS)],
    ids=["uuid", "text", "bigint"],
)
@pytest.mark.parametrize("taken", [0, 1, 10_000])
async def test_a_column_arrives_in_order_and_unchanged(
    database: Database, kind: str, column: Any, values: Any, taken: int
):
    """Empty, of one value, of many."""
    given = values[:taken]
    async with database.reading_connection() as connection:
        cursor = await connection.execute(
            f"SELECT value FROM unnest(%(column)b::{kind}[]) WITH ORDINALITY AS t (value, place) ORDER BY place",
            {"column": column(given)},
        )
        assert [row["value"] for row in await cursor.fetchall()] == given
