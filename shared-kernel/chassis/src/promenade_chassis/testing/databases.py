"""A fresh, migrated database per test: a copy of a template that is migrated once per run."""

import hashlib
import uuid
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from promenade_chassis.migrations import migration_files

# Tests are not superusers either: what a service's role may not do must fail here too.
ROLE = "promenade_test"
LOCALE: LiteralString = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C' ENCODING 'UTF8'"
Migrate = Callable[[str, Sequence[Path]], object]
AdminConnection = psycopg.Connection[tuple[object, ...]]


class TemplateDatabases:
    """Makes copies of migrated templates; `prefix` tells one run's databases from another's.

    One connection serves it from `template_databases` on: connecting costs as much as dropping a database.
    """

    def __init__(self, connection: AdminConnection, admin_url: str, prefix: str) -> None:
        self._connection = connection
        self._admin_url = admin_url
        self._prefix = prefix
        self._made: dict[tuple[Migrate, tuple[Path, ...]], str] = {}

    def copy(self, folders: Sequence[Path], migrate: Migrate) -> str:
        """The URL of a new database that `migrate(url, folders)` has been applied to."""
        name = f"{self._prefix}_{uuid.uuid4().hex[:16]}"
        known = migrate, tuple(folders)
        if known not in self._made:
            self._made[known] = self._template(folders, migrate)
        _create(self._connection, name, self._made[known])
        return self._url(name)

    def drop(self, url: str) -> None:
        """Drop a copy, whoever is still connected to it."""
        _drop(self._connection, urlsplit(url).path.lstrip("/"))

    def drop_all(self) -> None:
        """Drop every database of this prefix, templates too: for servers that outlive the run."""
        found = self._connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %(prefix)s)", {"prefix": f"{self._prefix}_"}
        ).fetchall()
        for (name,) in found:
            self._connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(str(name))))
            _drop(self._connection, str(name))

    def _template(self, folders: Sequence[Path], migrate: Migrate) -> str:
        connection, name = self._connection, f"{self._prefix}_template_{_checksum(folders, migrate)}"
        with _locked(connection, name):
            if not _is_template(connection, name):
                _drop(connection, name)  # of a worker that died before it was done
                _ensure_role(connection)
                _create(connection, name, "template0")
                migrate(self._url(name), folders)
                connection.execute(
                    sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false").format(
                        sql.Identifier(name)
                    )
                )
        return name

    def _url(self, name: str) -> str:
        parts = urlsplit(self._admin_url)
        server = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{ROLE}:{ROLE}@{server}", path=f"/{name}"))


@contextmanager
def template_databases(admin_url: str, prefix: str) -> Generator[TemplateDatabases]:
    """Makes databases on the server of `admin_url`, a superuser's, until the block ends."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        yield TemplateDatabases(connection, admin_url, prefix)


@contextmanager
def _locked(connection: AdminConnection, name: str) -> Generator[None]:
    connection.execute("SELECT pg_advisory_lock(hashtext(%(name)s))", {"name": name})
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(hashtext(%(name)s))", {"name": name})


def _checksum(folders: Sequence[Path], migrate: Migrate) -> str:
    digest = hashlib.sha256(str(getattr(migrate, "__qualname__", migrate)).encode())
    for file in migration_files(folders):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _is_template(connection: AdminConnection, name: str) -> bool:
    row = connection.execute(
        "SELECT datistemplate FROM pg_database WHERE datname = %(name)s", {"name": name}
    ).fetchone()
    return row is not None and row[0] is True


def _ensure_role(connection: AdminConnection) -> None:
    with _locked(connection, ROLE):
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %(name)s", {"name": ROLE}).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(ROLE))
            )


def _create(connection: AdminConnection, name: str, template: str) -> None:
    options = LOCALE if template == "template0" else _strategy(connection)
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} " + options).format(
            sql.Identifier(name), sql.Identifier(ROLE), sql.Identifier(template)
        )
    )


def _strategy(connection: AdminConnection) -> LiteralString:
    """Files copied as they are cost half of what pages written to the log do, to make and to drop.

    They need two checkpoints, which are cheap only where nothing is waited for until it is on a disk.
    """
    return "STRATEGY FILE_COPY" if connection.execute("SHOW fsync").fetchone() == ("off",) else ""


def _drop(connection: AdminConnection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
