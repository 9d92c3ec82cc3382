"""What somebody sees who asks for addresses: a real process of the service, asked over plain sockets."""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from identity_service import BASE, PASSWORD, SECRET
from promenade_chassis.testing.polling import stretched
from promenade_chassis.testing.ports import lent_port
from promenade_identity.password.argon2 import PasswordSettings

STATES = ("unknown", "known", "pending", "locked", "suspended", "deleted")
WARM_UP = 5
PROFILE = """
http: {{ host: 127.0.0.1, port: {port}, cursor_key: "a key for tests, and for nothing else, of some length" }}
admin: {{ port: 0 }}
auth: {{ issuer: "https://promenade.example.com", jwks_url: "" }}
redis: {{ url: "{redis}" }}
database: {{ url: "{database}" }}
log: {{ level: warning, format: json }}
keys: {{ secret: "{secret}" }}
mail: {{ directory: "{mails}" }}
passwords: {{ answer_after_ms: {pace} }}
"""


@dataclass(frozen=True)
class Question:
    """A request that must not tell whether there is a user of the address."""

    name: str
    path: str
    more: dict[str, str] = field(default_factory=dict[str, str])

    def body(self, address: str) -> bytes:
        """The request's body for an address."""
        return json.dumps({"email": address, **self.more}).encode()


NEW = "an otter writes the weather report"
QUESTIONS = (
    Question("login", "/auth/login", {"password": "not the password at all"}),
    Question("register", "/auth/register", {"password": PASSWORD}),
    Question("verify", "/auth/verify-email", {"code": "000000"}),
    Question("resend", "/auth/resend-verification"),
    Question("forgot", "/auth/password/forgot"),
    Question("reset", "/auth/password/reset", {"code": "000000", "new_password": NEW}),
)


@contextmanager
def identity_process(
    folder: Path, database_url: str, redis_url: str, *, answer_after_ms: int = PasswordSettings().answer_after_ms
) -> Generator[int, None, None]:
    """The service as it is deployed, with its real costs, requests and worker in one process; its port."""
    port = lent_port()
    (folder / "test.yaml").write_text(
        PROFILE.format(
            port=port,
            redis=redis_url,
            database=database_url,
            secret=SECRET,
            mails=folder / "mails",
            pace=answer_after_ms,
        )
    )
    environment = {**os.environ, "PROMENADE_PROFILE": "test", "PROMENADE_CONFIG_DIR": str(folder)}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "promenade_identity", "all"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_until_ready(process, port, folder / "log")
            yield port
        finally:
            process.terminate()
            process.wait(stretched(60))


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + stretched(120)
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@dataclass
class Addresses:
    """An address of each state, of the question's own: two questions at once must not meet at one user."""

    connection: psycopg.Connection[Any]
    fixed: dict[str, str]
    used: int = 0

    def of(self, state: str) -> str:
        """The state's address for the next try: a fresh one where the question itself would change the state."""
        if state == "unknown":
            return f"unknown-{uuid4().hex}@example.com"
        if state == "deleted":
            self.used += 1
            return f"{self.used}-{self.fixed['deleted']}"
        if state == "known":
            # Four wrong passwords are still no lock.
            self.connection.execute('UPDATE "user" SET failed_logins = 0 WHERE email = %s', [self.fixed["known"]])
        return self.fixed[state]


_COPY = """
INSERT INTO "user" (id, email, email_key, status, roles, password_hash, email_verified_at, authz_epoch,
                    failed_logins, locked_until, version, last_sequence, created_at, updated_at, deleted_at)
SELECT gen_random_uuid(), %(email)s, %(email)s, %(status)s, roles,
       CASE WHEN %(status)s <> 'pending' THEN password_hash END,
       email_verified_at, 0, 0, CASE WHEN %(locked)s THEN now() + interval '1 day' END, 1, 0, now(), now(),
       CASE WHEN %(status)s = 'deleted' THEN now() END
FROM "user" WHERE email = %(template)s
"""
# As many as count, each with a code that is on its way: a guess has the most to do.
_ATTEMPTS = """
INSERT INTO registration_attempt (id, user_id, password_hash, created_at)
SELECT gen_random_uuid(), id, 'no hash', now() FROM "user", generate_series(1, 10) WHERE email = %(email)s
"""
_CODES = """
INSERT INTO verification_code (purpose, subject, digest, expires_at)
SELECT 'activate-user', a.id, '', now() + interval '1 day'
FROM registration_attempt a JOIN "user" u ON u.id = a.user_id WHERE u.email = %(email)s
"""


def addresses_for(question: Question, connection: psycopg.Connection[Any], template: str, *, deleted: int) -> Addresses:
    """Users in every state, made after an active one; a deleted one for each time one is asked for."""
    fixed = {state: f"{question.name}-{state}-{uuid4().hex[:8]}@example.com" for state in STATES[1:]}
    status = {"known": "active", "locked": "active"}
    named = [(fixed[state], status.get(state, state), state == "locked") for state in STATES[1:-1]]
    named += [(f"{n + 1}-{fixed['deleted']}", "deleted", False) for n in range(deleted)]
    with connection.cursor() as cursor:
        cursor.executemany(
            _COPY, [{"email": e, "status": s, "locked": locked, "template": template} for e, s, locked in named]
        )
        cursor.execute(_ATTEMPTS, {"email": fixed["pending"]})
        cursor.execute(_CODES, {"email": fixed["pending"]})
    return Addresses(connection, fixed)


@dataclass
class Seen:
    """What a stranger saw: how long each state's answers took (ms), and every different answer there was."""

    times: dict[str, list[float]]
    answers: set[tuple[int, str, str]]


def ask(question: Question, addresses: Addresses, port: int, tries: int, states: Sequence[str] = STATES) -> Seen:
    """So many interleaved tries of each state, in a fresh order each time, over one connection."""
    seen = Seen({state: [] for state in states}, set())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=stretched(30))
    for n in range(-WARM_UP if tries > 1 else 0, tries):
        for state in random.Random(f"{question.name} {n}").sample(list(states), len(states)):
            body = question.body(addresses.of(state))
            began = time.perf_counter()
            connection.request("POST", BASE + question.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            took = time.perf_counter() - began
            seen.answers.add((answer.status, _headers(answer.getheaders()), _without_ids(content)))
            if n >= 0:
                seen.times[state].append(took * 1000)
    connection.close()
    return seen


def _headers(headers: Iterable[tuple[str, str]]) -> str:
    """Names and values in their order; of two headers that differ each time the name alone."""
    return json.dumps([(name, "" if name.lower() in ("date", "x-request-id") else value) for name, value in headers])


def _without_ids(content: bytes) -> str:
    return json.dumps({key: value for key, value in json.loads(content or b"{}").items() if key != "request_id"})
