"""One database and one role per service; no service can even connect to another's."""

from collections.abc import Iterable

import psycopg
from psycopg import sql

LOCK = "promenade.databases"


def database_name(context: str) -> str:
    """The name of a context's database and role: `order-management` has `order_management`."""
    return context.replace("-", "_")


def create_databases(admin_url: str, contexts: Iterable[str]) -> None:
    """Make each context's role and database when missing; safe to repeat and to run twice at once."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%(lock)s))", {"lock": LOCK})
        for shared in ("postgres", "template1"):
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(shared)))
        for context in contexts:
            _create(connection, database_name(context))


def _create(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    parameters = {"name": name}
    identifier = sql.Identifier(name)
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %(name)s", parameters).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(identifier))
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %(name)s", parameters).fetchone() is None:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
    # The owner keeps what is his; everybody else loses even CONNECT.
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))
