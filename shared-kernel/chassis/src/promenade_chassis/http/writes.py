"""What every write gets by construction: Idempotency-Key, repeated lost races, checked content type and size."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from promenade_chassis.http.access import principal_of
from promenade_chassis.http.bodies import decode_body
from promenade_chassis.http.framework_errors import UnsupportedMediaType
from promenade_chassis.http.layers import Layer
from promenade_chassis.idempotency import (
    KEPT_HEADERS,
    BadIdempotencyKey,
    IdempotencyStore,
    StoredAnswer,
    hash_body,
    parse_key,
)
from promenade_chassis.ports import UnitOfWork

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
RACES = 3


class _NoFields(msgspec.Struct):
    """The body of a command that takes none."""


@dataclass(slots=True)
class _Answer:
    """An answer held back until the transaction around it has committed."""

    messages: list[Message] = field(default_factory=list[Message])

    async def keep(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0].get("status", 500)) if self.messages else 500

    def stored(self) -> StoredAnswer:
        start: Any = self.messages[0]
        headers = {name.decode().lower(): value.decode() for name, value in start.get("headers", [])}
        body = b"".join(message.get("body", b"") for message in self.messages[1:])  # type: ignore[misc]
        return StoredAnswer(self.status, {k: headers[k] for k in KEPT_HEADERS if k in headers}, body)

    async def send(self, send: Send) -> None:
        for message in self.messages:
            await send(message)


class _Undo(Exception):
    pass


class Writes(Layer):
    """Wraps POST, PUT, PATCH and DELETE.

    With an Idempotency-Key the handler runs inside a transaction that first takes the key and last stores the
    answer: effect and record commit together. A refusal (4xx) commits what the use case itself had committed
    (a counted wrong code, say) and stores nothing. Without If-Match a lost version race is run again, up to
    three times in all; so a route that writes has one unit of work.
    """

    def __init__(self, unit_of_work: UnitOfWork, store: IdempotencyStore) -> None:
        self._unit_of_work = unit_of_work
        self._store = store

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Run the handler as the class says; other methods pass through."""
        if scope["type"] != "http" or scope["method"] not in WRITES or scope["route_handler"].opt.get("streams"):
            await next_app(scope, receive, send)
            return
        # Who may not write was stopped before: he learns nothing of his body, and takes no lock.
        received = await _read_body(receive)
        if received is None:
            return
        answer = await self._run_races(scope, _checked_body(scope, received), next_app)
        await answer.send(send)

    async def _run_races(self, scope: Any, body: bytes, next_app: ASGIApp) -> _Answer:
        key = _key_of(scope)
        race = 1
        while True:
            scope["state"]["lost_race"] = False
            answer = await self._run(scope, body, key, next_app)
            if race == RACES or not scope["state"]["lost_race"]:
                return answer
            # Racers that start again together lose together.
            await asyncio.sleep(random.uniform(0, 0.01) * race)  # noqa: S311
            race += 1

    async def _run(self, scope: Scope, body: bytes, key: str | None, next_app: ASGIApp) -> _Answer:
        if key is None:
            return await _call(scope, body, next_app)
        return await self._run_once(scope, body, key, next_app)

    async def _run_once(self, scope: Any, body: bytes, key: str, next_app: ASGIApp) -> _Answer:
        principal = principal_of(scope)
        named = f"{principal.id if principal else ''} {scope['method']} {scope['path']}"
        body_hash = hash_body(scope["query_string"] + b"\0" + body)
        answer = _Answer()
        try:
            async with self._unit_of_work.begin():
                await self._store.lock(named, key)
                found = await self._store.find(named, key, body_hash)
                if found is not None:
                    return _replayed(found)
                answer = await _call(scope, body, next_app)
                if answer.status >= 500 or scope["state"]["lost_race"]:
                    raise _Undo
                if 200 <= answer.status < 300:
                    await self._store.store(named, key, body_hash, answer.stored())
        except _Undo:
            pass
        return answer


async def _call(scope: Scope, body: bytes, next_app: ASGIApp) -> _Answer:
    answer = _Answer()
    await next_app(scope, _replay(body), answer.keep)
    # Nothing has left yet: the answer is kept back, and the handler may have to run once more.
    ScopeState.from_scope(scope).response_started = False
    return answer


def _key_of(scope: Any) -> str | None:
    """The Idempotency-Key, where the route honours one; raises `BadIdempotencyKey`, also for two of them."""
    keys = [value for name, value in scope["headers"] if name.lower() == b"idempotency-key"]
    if not keys or not _honours_keys(scope):
        return None
    if len(keys) > 1:
        raise BadIdempotencyKey("There is more than one Idempotency-Key")
    return parse_key(keys[0].decode("latin-1"))


def _honours_keys(scope: Any) -> bool:
    handler = scope["route_handler"]
    return scope["method"] == "POST" and principal_of(scope) is not None and not handler.opt.get("ignores_keys")


def _replayed(found: StoredAnswer) -> _Answer:
    headers = [(name.encode(), value.encode()) for name, value in found.headers.items()]
    headers += [(b"idempotent-replayed", b"true"), (b"content-length", str(len(found.body)).encode())]
    start: Any = {"type": "http.response.start", "status": found.status, "headers": headers}
    end: Any = {"type": "http.response.body", "body": found.body, "more_body": False}
    return _Answer([start, end])


def _checked_body(scope: Any, body: bytes) -> bytes:
    """The body as the handler will read it: an absent one is `{}`."""
    if body and not _is_json(scope):
        raise UnsupportedMediaType("Send the body as application/json")
    handler = scope["route_handler"]
    if handler.parsed_data_field is None:
        if body.strip():
            decode_body(body, _NoFields)
        return body
    return body if body.strip() else b"{}"


def _is_json(scope: Any) -> bool:
    value = next((value for name, value in scope["headers"] if name.lower() == b"content-type"), b"application/json")
    media_type = value.decode("latin-1").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None when the client went away before its end."""
    parts: list[bytes] = []
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes) -> Receive:
    messages: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
