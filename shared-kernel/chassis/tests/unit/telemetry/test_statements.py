"""Which words of a statement a span tells."""

import pytest
from promenade_chassis.telemetry.statements import words_of
from psycopg import sql


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT * FROM orders WHERE id = %(id)s", "SELECT orders"),
        ("\n  INSERT INTO order_line (id)\n  VALUES (%(id)s)", "INSERT order_line"),
        ("UPDATE orders SET state = %(state)s", "UPDATE orders"),
        ("SELECT id FROM mail ORDER BY id FOR UPDATE SKIP LOCKED", "SELECT mail"),
        ("DELETE FROM outbox_pending WHERE seq = 1", "DELETE outbox_pending"),
        ("SELECT pg_try_advisory_xact_lock(%(key)s)", "SELECT pg_try_advisory_xact_lock"),
        ("WITH saved AS (UPDATE orders SET state = 1 RETURNING 1) INSERT INTO outbox SELECT 1", "UPDATE orders"),
        ("SELECT 1", "SELECT"),
        ("", "SQL"),
    ],
)
def test_a_span_is_named_by_verb_and_table(statement: str, name: str) -> None:
    """So that few names stand for many statements."""
    assert words_of(statement)[0] == name


def test_the_text_is_told_with_its_placeholders() -> None:
    """Values are never part of it: they travel apart."""
    assert words_of("SELECT 1\n  WHERE email = %(email)s")[1]["db.query.text"] == "SELECT 1 WHERE email = %(email)s"


def test_of_a_composed_statement_no_text_is_told() -> None:
    """It may hold literals."""
    composed = sql.SQL("SELECT * FROM users WHERE email = {}").format(sql.Literal("ada@example.org"))

    assert words_of(composed) == ("SQL", {"db.system.name": "postgresql"})
