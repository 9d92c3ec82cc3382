"""What is kept, and what is not."""

from uuid import UUID

import pytest
from promenade_chassis.config import ConfigurationError, EventsSettings
from promenade_chassis.database import Database
from promenade_chassis.events.redis_link import RedisLink
from promenade_chassis.events.retention import Retention, check_retention
from promenade_chassis.testing.bus_rig import history
from promenade_chassis.testing.events import record
from promenade_chassis.testing.relay_rig import STREAM, NewOutlet, entries, published
from promenade_kernel.values.ids import new_id

OLD, YOUNG = 31, 6


def made_ago(days: int) -> UUID:
    """An id such as an event got so many days ago."""
    return UUID(int=new_id().int - (days * 86_400_000 << 80))


async def fill(database: Database, days: int, rows: int) -> None:
    """Rows of every table, so many days old; the outbox has one more that was never published."""
    async with database.begin():
        connection = database.writing_connection()
        for number in range(1, rows + 2):
            ids = {"id": new_id(), "number": number, "days": days, "published": number <= rows}
            await connection.execute(
                "INSERT INTO outbox (event_id, subject, sequence, major, type, envelope, created_at, published_at)"
                " VALUES (%(id)s, %(id)s, 1, 1, 'user.suspended.v1', '', now(),"
                " CASE WHEN %(published)s THEN now() - make_interval(days => %(days)s) END)",
                ids,
            )
        for number in range(rows):
            ids = {"id": made_ago(days), "number": number, "days": days}
            await connection.execute(
                "INSERT INTO inbox VALUES (%(id)s, 'r', now() - make_interval(days => %(days)s))", ids
            )
            await connection.execute(
                "INSERT INTO subject_progress VALUES ('s', %(id)s, 1, now() - make_interval(days => %(days)s))", ids
            )
            await connection.execute(
                "INSERT INTO attempt VALUES (%(id)s, 'r', 1, now(), now() - make_interval(days => %(days)s), 'e')", ids
            )


async def counts(database: Database) -> list[int]:
    """How many rows each table has: outbox, inbox, progress, attempts."""
    async with database.reading_connection() as connection:
        cursor = await connection.execute(
            "SELECT (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM inbox) AS inbox,"
            " (SELECT count(*) FROM subject_progress) AS progress, (SELECT count(*) FROM attempt) AS attempts"
        )
        row = await cursor.fetchone()
    return list(row.values()) if row else []


async def test_what_is_old_goes_in_batches_and_the_rest_stays(database: Database):
    """More than one batch is deleted; what was never published is never deleted, however old."""
    await fill(database, OLD, rows=1_050)
    await fill(database, YOUNG, rows=3)

    await Retention(database, EventsSettings()).clean_up()

    assert await counts(database) == [5, 3, 3, 3]


async def test_answers_to_keys_are_forgotten_after_a_day(database: Database):
    """They hold what was shown to somebody; a key counts for 24 hours, and no answer is kept for longer."""
    async with database.begin():
        await database.writing_connection().execute(
            "INSERT INTO idempotency_record (scope, key, body_hash, status, headers, body, created_at)"
            " SELECT 's', age::text, '', 200, '{}', '', now() - make_interval(hours => age)"
            " FROM generate_series(23, 2_025) AS age"
        )

    await Retention(database, EventsSettings()).clean_up()

    async with database.reading_connection() as connection:
        kept = await (await connection.execute("SELECT key FROM idempotency_record")).fetchall()
    assert [row["key"] for row in kept] == ["23"]


async def test_what_a_group_has_not_acknowledged_stays_and_survives_a_loss_of_redis(
    database: Database, link: RedisLink, outlets: NewOutlet
):
    """A consumer is down for eight days; its entries are kept on the stream, and their rows in case that is lost."""
    holder = await outlets()
    await record(database, history(3))
    await holder.publish_all()
    await link.call("XGROUP", "CREATE", STREAM, "billing", str((await entries(link))[0][0]))
    await holder.note()
    await holder.connection.execute("UPDATE outbox SET published_at = now() - interval '8 days'")
    await Retention(database, EventsSettings()).clean_up()
    assert (await counts(database))[0] == 2

    await link.call("FLUSHDB")
    await record(database, history(1, start=99))
    await holder.publish_all()

    assert await published(link) == [2, 3, 99]


@pytest.mark.parametrize(("inbox", "refused"), [(15, False), (14, True), (1, True)])
def test_an_inbox_that_forgets_too_early_is_refused(inbox: int, refused: bool):
    """An event could come again after its inbox row is gone."""
    settings = EventsSettings(outbox_retention_days=7, stream_retention_days=7, inbox_retention_days=inbox)

    if refused:
        with pytest.raises(ConfigurationError, match="inbox_retention_days"):
            check_retention(settings)
    else:
        check_retention(settings)
