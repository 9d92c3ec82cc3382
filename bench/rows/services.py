"""A service's endpoints, our whole process against the same on Litestar and Advanced Alchemy; both on one server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

import psycopg
from engines import Rig
from load import CONNECTIONS, Call, loaded
from measure import Contender, Goal, PeerMissing, Reading, Row
from own import Mint, new_database, serving_service
from serving import PEERS, Served, free_port, serving

try:
    import advanced_alchemy
    import asyncpg
except ImportError:
    advanced_alchemy = asyncpg = None

CUSTOMERS = "/api/v1/customer-management/customers"
CONTEXT, PACKAGE = "customer-management", "promenade_customer_management"
PEER = "Litestar + Advanced Alchemy, asyncpg, no tokens"
OURS, THEIRS = "customer_management", "bench_alchemy"
PERMISSIONS = ("customers:read", "customers:create")
STORED = 1_000
BODY = (
    '{"name": "Ada Lovelace @N@", "email": "ada.@N@@example.com", "tier": "pro", "currency": "EUR",'
    ' "timezone": "Europe/Vienna", "tags": ["tea", "vienna"]}'
)
_SEED = """
INSERT INTO customer (id, name, email, phone, user_status, lifecycle, tier, source, tags, currency, timezone,
    billing_address, version, last_sequence, created_at, updated_at)
SELECT uuidv7(), 'Customer ' || number, 'customer.' || number || '@example.com', '+431' || 1000000 + number, 'none',
    'lead', 'pro', 'manual', ARRAY['tea', 'vienna'], 'EUR', 'Europe/Vienna',
    '{"street": "Linke Wienzeile 12", "city": "Vienna", "postal_code": "1060", "country": "AT"}', 1, 1, now(), now()
FROM generate_series(1, %(customers)s) AS number
"""

Requests = Callable[[Sequence[str], Callable[[], str | None]], Sequence[Call]]


def _gets(ids: Sequence[str], token: Callable[[], str | None]) -> Sequence[Call]:
    return [Call(f"{CUSTOMERS}/{customer_id}", token()) for customer_id in ids]


def _lists(_: Sequence[str], token: Callable[[], str | None]) -> Sequence[Call]:
    return [Call(f"{CUSTOMERS}?limit=25", token()) for _ in range(50)]


def _creates(_: Sequence[str], token: Callable[[], str | None]) -> Sequence[Call]:
    return [Call(CUSTOMERS, token(), "POST", BODY) for _ in range(50)]


@contextmanager
def _ours(rig: Rig) -> Iterator[tuple[Served, str, Mint | None]]:
    mint = Mint()
    url = _seeded(rig, OURS)
    with serving_service(rig, mint, CONTEXT, url) as served:
        yield served, url, mint


@contextmanager
def _peer(rig: Rig) -> Iterator[tuple[Served, str, Mint | None]]:
    if advanced_alchemy is None or asyncpg is None:
        raise PeerMissing("advanced-alchemy or asyncpg is not installed (uv sync --group bench)")
    port, url = free_port(), _seeded(rig, THEIRS)
    env = {"DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://")}
    command = (sys.executable, str(PEERS / "alchemy" / "app.py"), str(port))
    with serving(command, port, rig.folder, name="alchemy", env=env, ready=f"{CUSTOMERS}?limit=1") as served:
        yield served, url, None


def _seeded(rig: Rig, name: str) -> str:
    url = new_database(rig, name, PACKAGE)
    with psycopg.connect(url) as connection:
        connection.execute(_SEED, {"customers": STORED})
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE customer")
    return url


def _run(
    opened: Callable[..., Iterator[tuple[Served, str, Mint | None]]], requests: Requests
) -> Callable[[Rig], Reading]:
    def run(rig: Rig) -> Reading:
        served, url, mint = rig.kept(opened.__name__, lambda: opened(rig))
        calls = rig.kept(f"{opened.__name__} calls", lambda: nullcontext(requests(_ids(url), _tokens(mint))))
        rig.checkpoint()
        before = _stored(url)
        reading = loaded(served, calls)
        made = _stored(url) - before
        assert (made > 0) == (requests is _creates), f"{made} customers were made"
        return reading

    return run


def _tokens(mint: Mint | None) -> Callable[[], str | None]:
    return (lambda: mint.token(PERMISSIONS)) if mint else (lambda: None)


def _ids(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [str(row[0]) for row in connection.execute("SELECT id FROM customer ORDER BY id LIMIT 200")]


def _stored(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM customer").fetchone()[0]


def _row(name: str, title: str, requests: Requests) -> Row:
    return Row(
        name,
        f"{title}, {CONNECTIONS} connections; ours with tokens, permissions and all",
        "requests/s",
        Contender("customer-management serve", _run(_ours, requests)),
        [Contender(PEER, _run(_peer, requests))],
        goals=[Goal("≥ 2 × the peer", PEER, least=2.0), Goal("p99 ahead", f"p99 ÷ {PEER}", most=1.0)],
    )


ROWS = [
    _row("service-get", "GET by id", _gets),
    _row("service-list", "a list of 25", _lists),
    _row("service-create", "POST, durable, with its event", _creates),
]
