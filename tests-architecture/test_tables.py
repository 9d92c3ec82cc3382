"""Every table of an aggregate can carry what the unit of work and the events need of it."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SERVICES = sorted(folder for folder in (ROOT / "services").iterdir() if (folder / "migrations").is_dir())
AGGREGATE_COLUMNS = {"version", "last_sequence", "created_at", "updated_at"}
BINARY_FLOATS = {"real", "float", "float4", "float8", "double", "money"}

Tables = dict[str, dict[str, str]]


def tables_of(migrations: Iterable[Path]) -> Tables:
    """Table → column → type, as the files leave them."""
    tables: Tables = {}
    for path in migrations:
        for statement in re.sub(r"--[^\n]*", "", path.read_text()).split(";"):
            if created := re.match(
                r"\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.\"]+)\s*\((.*)\)", statement, re.I | re.S
            ):
                tables[_name(created[1])] = dict(_columns(created[2]))
            elif altered := re.match(r"\s*ALTER\s+TABLE\s+(?:ONLY\s+)?([\w.\"]+)(.*)", statement, re.I | re.S):
                added = re.findall(r"ADD\s+COLUMN\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w\"]+)\s+(\w+)", altered[2], re.I)
                tables.setdefault(_name(altered[1]), {}).update({_name(column): kind for column, kind in added})
    return tables


def _columns(body: str) -> Iterator[tuple[str, str]]:
    while (flat := re.sub(r"\([^()]*\)", "", body)) != body:
        body = flat
    for part in body.split(","):
        words = part.split()
        if len(words) > 1 and words[0].upper() not in {
            "PRIMARY",
            "UNIQUE",
            "CHECK",
            "CONSTRAINT",
            "FOREIGN",
            "EXCLUDE",
            "LIKE",
        }:
            yield _name(words[0]), words[1].lower()


def _name(identifier: str) -> str:
    return identifier.replace('"', "").lower()


def faults_of(service: Path) -> list[str]:
    """What is missing in the tables of one service, in sentences."""
    tables = tables_of(sorted((service / "migrations").glob("*.sql")))
    return [*_incomplete(tables), *_rooms_without_a_table(service, tables), *_inexact(tables)]


def _incomplete(tables: Tables) -> Iterator[str]:
    for table, columns in tables.items():
        missing = AGGREGATE_COLUMNS - set(columns)
        if missing and {"version", "last_sequence"} & set(columns):
            yield f"{table} is an aggregate's table without {', '.join(sorted(missing))}"


def _rooms_without_a_table(service: Path, tables: Tables) -> Iterator[str]:
    for entity in sorted(service.glob("src/*/*/entity.py")):
        adapter = entity.with_name("postgres.py")
        if not (_holds_an_aggregate(entity) and adapter.is_file()):
            continue
        written = {_name(table) for table in re.findall(r"INSERT\s+INTO\s+([\w.\"]+)", adapter.read_text(), re.I)}
        if not any(set(tables.get(table, {})) >= AGGREGATE_COLUMNS for table in written):
            yield f"the room {entity.parent.name} writes no table with {', '.join(sorted(AGGREGATE_COLUMNS))}"


def _holds_an_aggregate(entity: Path) -> bool:
    classes = [node for node in ast.walk(ast.parse(entity.read_text())) if isinstance(node, ast.ClassDef)]
    return any(ast.unparse(base).split(".")[-1] == "Aggregate" for node in classes for base in node.bases)


def _inexact(tables: Tables) -> Iterator[str]:
    for table, columns in tables.items():
        for column, kind in columns.items():
            if kind in BINARY_FLOATS:
                yield f"{table}.{column} is {kind}: numbers are bigint or numeric"


@pytest.mark.parametrize("service", SERVICES, ids=lambda folder: folder.name)
def test_aggregates_have_their_columns(service: Path) -> None:
    """Version and last_sequence for the conflict check and the events, both times for the API; no column is a float."""
    assert faults_of(service) == []


def test_a_missing_column_is_found(tmp_path: Path) -> None:
    """A table that counts versions but forgot the rest is named with what it lacks."""
    write(tmp_path / "migrations/0001_order.sql", "CREATE TABLE orders (id uuid PRIMARY KEY, version bigint NOT NULL);")

    assert faults_of(tmp_path) == ["orders is an aggregate's table without created_at, last_sequence, updated_at"]


def test_an_aggregate_without_a_full_table_is_found(tmp_path: Path) -> None:
    """The room is followed from its entity to the table that its adapter writes."""
    write(tmp_path / "migrations/0001_order.sql", "CREATE TABLE orders (id uuid, created_at timestamptz);")
    write(tmp_path / "src/promenade_x/order/entity.py", "class Order(Aggregate): ...")
    write(tmp_path / "src/promenade_x/order/postgres.py", 'SQL = "INSERT INTO orders (id) VALUES (%(id)s)"')

    assert faults_of(tmp_path) == ["the room order writes no table with created_at, last_sequence, updated_at, version"]


def test_a_float_column_is_found(tmp_path: Path) -> None:
    """A price in a binary float is refused in the database, too."""
    write(tmp_path / "migrations/0001_price.sql", "CREATE TABLE price (id uuid, amount double precision NOT NULL);")

    assert faults_of(tmp_path) == ["price.amount is double: numbers are bigint or numeric"]


def test_a_complete_aggregate_passes(tmp_path: Path) -> None:
    """Comments, constraints with commas and brackets, quotes and later ALTERs are read as the database reads them."""
    write(
        tmp_path / "migrations/0001_user.sql",
        """
        -- people; not (yet) robots
        CREATE TABLE IF NOT EXISTS "user" (
            id uuid PRIMARY KEY, email text NOT NULL, share numeric(9, 6),
            version bigint NOT NULL CHECK (version > 0), last_sequence bigint NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT has_email CHECK (email <> '' AND length(email) IN (1, 2, (3)))
        );
        CREATE UNIQUE INDEX user_email ON "user" (lower(email));
        """,
    )
    write(tmp_path / "migrations/0002_times.sql", 'ALTER TABLE "user" ADD COLUMN updated_at timestamptz;')
    write(tmp_path / "src/promenade_x/user/entity.py", "class User(ports.Aggregate): ...")
    write(tmp_path / "src/promenade_x/user/postgres.py", 'SQL = """\nINSERT INTO "user" (id)"""')

    assert faults_of(tmp_path) == []


def write(path: Path, text: str) -> None:
    """Write the file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
