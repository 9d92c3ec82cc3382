"""In-memory stand-ins of the ports of sessions, revocations, keys and the mail sender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from promenade_chassis.ports import NotFound, Page, PageRequest, utc_now
from promenade_chassis.testing.fakes import InMemoryRepository, InMemoryUnitOfWork
from promenade_identity.key.entity import SigningKey, signing_key_of
from promenade_identity.mail.entity import Mail, WaitingMail
from promenade_identity.revocation.entity import Backlog, Revocation
from promenade_identity.session.entity import EndReason, RefreshToken, Session
from promenade_identity.session.repository import SESSIONS


class InMemorySessions(InMemoryRepository[Session]):
    """Sessions in a dict, their tokens in another."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        super().__init__(unit_of_work)
        self._tokens: dict[bytes, RefreshToken] = {}

    async def add(self, session: Session, token: RefreshToken) -> None:
        self._put(session)
        self._tokens[token.digest] = token

    async def save(self, session: Session, token: RefreshToken | None = None) -> None:
        self._put(session)
        if token is not None:
            self._tokens[token.digest] = token

    async def hold_by_token(self, digest: bytes) -> tuple[Session, RefreshToken] | None:
        self._unit_of_work.require()
        token = self._tokens.get(digest)
        session = self._rows.get(token.session_id) if token is not None else None
        return (self._copy(session), token) if session is not None and token is not None else None

    async def hold(self, session_id: UUID) -> Session:
        self._unit_of_work.require()
        found = self._find(lambda session: session.id == session_id and session.is_living(utc_now()))
        if found is None:
            raise NotFound
        return found

    async def list(self, user_id: UUID, page: PageRequest, now: datetime) -> Page[Session]:
        return self._page(SESSIONS, lambda session: session.user_id == user_id and session.is_living(now), page)

    async def end_all(self, user_id: UUID, reason: EndReason, now: datetime, *, except_for: UUID | None = None) -> None:
        self._unit_of_work.require()
        for session in list(self._rows.values()):
            if session.user_id == user_id and session.ended_at is None and session.id != except_for:
                ended = self._copy(session)
                ended.end(reason, now)
                ended.version += 1
                self._rows[session.id] = ended

    def unended(self) -> list[Session]:
        return [session for session in self._rows.values() if session.ended_at is None]

    async def drop_expired(self, now: datetime) -> None:
        self._unit_of_work.require()
        self._tokens = {digest: token for digest, token in self._tokens.items() if token.expires_at > now}
        self._rows = {key: session for key, session in self._rows.items() if session.expires_at > now}


class InMemoryRevocations:
    """Revocations in a list; their number is their place in it, from 1."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self.added: list[Revocation] = []
        unit_of_work.join(self)

    def snapshot(self) -> list[Revocation]:
        return list(self.added)

    def roll_back(self, snapshot: list[Revocation]) -> None:
        self.added = snapshot

    async def add(self, revocation: Revocation) -> None:
        self._unit_of_work.require()
        self.added.append(revocation)

    async def add_all(self, revocations: Sequence[Revocation]) -> None:
        self._unit_of_work.require()
        self.added += revocations

    async def newest(self) -> int:
        return len(self.added)

    async def after(self, number: int, now: datetime) -> Backlog:
        found = [each for each in self.added[max(0, number) :] if each.expires_at > now]
        return Backlog(len(self.added), tuple(found))

    async def drop_expired(self, now: datetime) -> None:
        # The place in the list is the number, so an expired one is left in its place and just never shown.
        self._unit_of_work.require()


class CountedAnnouncements:
    """Counts how often it was told to catch up, and with how many revocations."""

    def __init__(self, revocations: InMemoryRevocations) -> None:
        self._revocations = revocations
        self.announced: list[int] = []

    async def announce(self) -> None:
        self.announced.append(await self._revocations.newest())


class InMemorySigningKeys:
    """Keys in a list."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self.keys: list[SigningKey] = []
        unit_of_work.join(self)

    def snapshot(self) -> list[SigningKey]:
        return list(self.keys)

    def roll_back(self, snapshot: list[SigningKey]) -> None:
        self.keys = snapshot

    async def hold_all(self) -> list[SigningKey]:
        self._unit_of_work.require()
        return await self.all()

    async def all(self) -> list[SigningKey]:
        return sorted(self.keys, key=lambda key: key.created_at)

    async def add(self, key: SigningKey) -> None:
        self._unit_of_work.require()
        assert key.retires_at is not None or all(other.retires_at is not None for other in self.keys)
        self.keys.append(key)

    async def end(self, kid: str, retires_at: datetime) -> None:
        self._unit_of_work.require()
        self.keys = [replace(key, retires_at=retires_at) if key.kid == kid else key for key in self.keys]

    async def drop_retired(self, now: datetime) -> int:
        self._unit_of_work.require()
        before = len(self.keys)
        self.keys = [key for key in self.keys if key.is_published(now)]
        return before - len(self.keys)

    async def seal_anew(self) -> int:
        # Nothing is sealed here.
        self._unit_of_work.require()
        return 0


class FixedKeyRing:
    """A ring of given keys."""

    def __init__(self, *keys: SigningKey) -> None:
        self._keys = list(keys)

    async def signing(self) -> SigningKey:
        key = signing_key_of(self._keys, utc_now())
        assert key is not None
        return key

    async def published(self) -> list[SigningKey]:
        return [key for key in self._keys if key.is_published(utc_now())]


class InMemoryMails:
    """Mails in a dict: both the queue and what the sender sees of it."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._waiting: dict[UUID, tuple[WaitingMail, datetime]] = {}
        unit_of_work.join(self)

    def snapshot(self) -> dict[UUID, tuple[WaitingMail, datetime]]:
        return dict(self._waiting)

    def roll_back(self, snapshot: dict[UUID, tuple[WaitingMail, datetime]]) -> None:
        self._waiting = snapshot

    async def queue(self, mail: Mail) -> None:
        self._unit_of_work.require()
        self._waiting[mail.id] = (WaitingMail(mail, 0), mail.created_at)

    async def take(self, now: datetime) -> WaitingMail | None:
        self._unit_of_work.require()
        due = sorted((next_at, mail_id) for mail_id, (_, next_at) in self._waiting.items() if next_at <= now)
        return self._waiting[due[0][1]][0] if due else None

    async def mark_sent(self, mail_id: UUID, now: datetime) -> None:
        self._drop(mail_id)

    async def postpone(self, mail_id: UUID, until: datetime, error: str) -> None:
        self._unit_of_work.require()
        waiting, _ = self._waiting[mail_id]
        self._waiting[mail_id] = (replace(waiting, attempts=waiting.attempts + 1), until)

    async def give_up(self, mail_id: UUID, now: datetime, error: str) -> None:
        self._drop(mail_id)

    def _drop(self, mail_id: UUID) -> None:
        self._unit_of_work.require()
        del self._waiting[mail_id]


def later(moment: datetime, **more: float) -> datetime:
    """A moment so much later."""
    return moment + timedelta(**more)
