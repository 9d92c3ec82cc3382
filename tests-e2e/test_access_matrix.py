"""The access matrix of Identity through the gateway, and what a run through all of it leaves behind: no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from access_people import IDENTITY, People, fresh_email, id_of
from access_table import WHO, Row, hand_table
from e2e_replicas import Books
from e2e_stack import Stack
from promenade_chassis.testing.answers import problem_of
from promenade_local.mails import read_mails
from promenade_local.names import CONTEXTS

ROWS = [row for row in hand_table()["identity"].values() if row.path.startswith(("/api/", "/.well-known/"))]
PASSWORD = "a heron waits for nobody at all"
# What no answer says of anybody, whatever it is called.
HIDDEN = re.compile(r'\$argon2|"[^"]*(password_hash|digest|refresh_secret|sealed|epoch)[^"]*":')


@pytest.fixture(scope="module")
def people(single: Stack) -> People:
    """Everybody of the matrix."""
    return People.at(single)


def _complaints(people: People, row: Row) -> Iterator[str]:
    # Whoever is refused leaves it as it is.
    thing = people.thing(row)
    for who in sorted(WHO, key=lambda who: row.answers[who] == "ok"):
        status = people.ask(row, who, thing)
        if not row.is_answered_so(who, status):
            yield f"{row.name}: {who} is answered {status}, not {row.answers[who]}"
        if row.answers[who] == "ok":
            thing = people.thing(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_route_answers_everybody_as_the_table_says(people: People, row: Row) -> None:
    """At the gateway, with tokens that Identity signed for accounts with these roles."""
    assert list(_complaints(people, row)) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/register", {"email": "x@example.com", "password": PASSWORD, "roles": ["superadmin"]}),
        ("POST", "/auth/register", {"email": "x@example.com", "password": PASSWORD, "status": "active"}),
        ("PATCH", "/profiles/me", {"bio": "x", "user_id": "018f0000-0000-7000-8000-000000000000"}),
        ("PATCH", "/profiles/me", {"bio": "x", "roles": ["superadmin"]}),
        ("POST", "/contacts", {"type": "email", "email": "x@example.com", "is_verified": True}),
        ("POST", "/contacts", {"type": "email", "email": "x@example.com", "verified_at": "2026-01-01T00:00:00Z"}),
        ("POST", "/contacts", {"type": "email", "email": "x@example.com", "is_primary": True}),
    ],
)
def test_nobody_makes_himself_more(people: People, method: str, path: str, body: dict[str, Any]) -> None:
    """A field that is not the caller's to set is refused by name, and nothing of the request happens."""
    user = people.callers["user"]
    before = user.get(f"{IDENTITY}/me")

    answer = user.http.request(method, IDENTITY + path, json=body, headers=user.headers)

    problem = problem_of(answer, 422, "invalid")
    assert {each["code"] for each in problem["errors"]} == {"unknown-field"}
    assert user.get(f"{IDENTITY}/me") == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_user_named_in_the_query_is_reached_by_staff_alone(people: People, method: str) -> None:
    """403, and the same for a user that there is not."""
    other, owner = people.callers["other"], people.callers["user"]
    body = {"type": "email", "email": fresh_email()} if method == "POST" else None
    before = owner.get(f"{IDENTITY}/contacts")

    for user_id in (id_of(owner), uuid4()):
        path = f"{IDENTITY}/contacts?user_id={user_id}"
        problem_of(other.http.request(method, path, json=body, headers=other.headers), 403, "forbidden")

    assert owner.get(f"{IDENTITY}/contacts") == before


def test_no_answer_of_the_run_tells_a_secret(people: People) -> None:
    """No password, no hash of one and no code; tokens only where they are asked for."""
    witness = people.witness
    assert len(witness.answers) > 200

    for route, text in witness.answers:
        assert not HIDDEN.search(text), route
        assert not any(secret in text for secret in witness.secrets), route
        if not route.endswith(("/auth/login", "/auth/refresh")):
            assert not any(token in text for token in witness.tokens), route


def test_no_log_of_the_run_holds_a_secret(single: Stack, people: People) -> None:
    """Neither passwords nor tokens nor the codes of the mails."""
    logs = "".join(file.read_text(errors="replace") for file in sorted((single.home / "logs").glob("*")))
    assert "/auth/password/change" in logs, "the logs are those of the run"

    assert [secret for secret in people.witness.secrets | people.witness.tokens if secret in logs] == []
    assert [code for code in _codes(single) if _stands_in(code, logs)] == []


def test_no_database_holds_a_secret_in_clear(single: Stack, people: People) -> None:
    """Every row of every table, as text and as bytes."""
    books = Books.of(single)
    texts = {context: _everything(books, context) for context in CONTEXTS}
    secrets = people.witness.secrets | people.witness.tokens
    assert people.callers["user"].email in texts["identity"], "the rows are those of the run"

    for context, text in texts.items():
        assert [each for each in secrets if each in text] == [], context
        assert [each for each in _codes(single) if _stands_in(each, text)] == [], context


def test_redis_holds_no_secret(single: Stack, people: People) -> None:
    """Neither in a name of a key nor in what it holds; addresses are in events alone."""
    with redis.Redis.from_url(Books.of(single).redis_url, decode_responses=True) as store:
        held = {name: _held(store, name) for name in store.scan_iter()}
    assert any(name.startswith("{auth}:sid:") for name in held), "Redis is that of the run"

    secrets = people.witness.secrets | people.witness.tokens
    emails = {caller.email for caller in people.callers.values()}
    told = {name: repr((name, what)) for name, what in held.items()}
    assert [name for name, text in told.items() if any(each in text for each in secrets)] == []
    # Events say whose address is new.
    others = {name: text for name, text in told.items() if not name.startswith("promenade.")}
    assert [name for name, text in others.items() if any(each in text for each in emails)] == []


def _held(store: Any, name: str) -> Any:
    readers = {
        "string": store.get,
        "hash": store.hgetall,
        "set": store.smembers,
        "stream": store.xrange,
        "list": lambda name: store.lrange(name, 0, -1),
        "zset": lambda name: store.zrange(name, 0, -1),
        "none": lambda _: None,  # its time was up
    }
    return readers[store.type(name)](name)


def _codes(stack: Stack) -> set[str]:
    found = {code for mail in read_mails(stack.home / "mail") for code in re.findall(r"\b\d{6}\b", mail.text)}
    assert len(found) > 3
    return found


def _stands_in(code: str, text: str) -> bool:
    """By itself: six digits are also part of many a time and id. A line's end may be written out as in JSON."""
    return re.search(rf"(?:(?<![\w.+-])|(?<=\\n)){code}(?![\w.-])", text) is not None


def test_a_code_would_be_found() -> None:
    """Where it stands by itself; not as part of a time, an id or a longer number."""
    told = ["code=123456 sent", '{"code":"123456"}', "(123456)", r"is:\n\n123456\n\nIt"]
    other = ["12:00:00.123456Z", "018f-123456ab", "1234567", "e123456"]

    assert [text for text in (*told, *other) if _stands_in("123456", text)] == told


def _everything(books: Books, context: str) -> str:
    names = books.rows(
        context,
        """
        SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
        """,
    )
    rows = [books.rows(context, f"SELECT t::text AS row FROM {each['name']} AS t") for each in names]
    return "\n".join(_bytes_read(row["row"]) for table in rows for row in table)


def _bytes_read(row: str) -> str:
    """A row with what its `bytea` columns hold as text: a code in them is looked for as in all other text."""
    return re.sub(r"\\\\?x((?:[0-9a-f]{2})+)", lambda found: bytes.fromhex(found[1]).decode("latin-1"), row)


def test_a_code_in_bytes_would_be_found() -> None:
    """By itself; the microseconds of a time in a stored answer are none."""
    held, time = (f"(1,\\\\x{told.hex()})" for told in (b'{"code":"123456"}', b"12:00:00.123456Z"))

    assert _stands_in("123456", _bytes_read(held))
    assert not _stands_in("123456", _bytes_read(time))
