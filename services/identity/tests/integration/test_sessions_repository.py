"""What the ports of sessions, revocations, keys and mails promise: one suite for the fakes and for PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from identity_fakes_sessions import InMemoryMails, InMemoryRevocations, InMemorySessions, InMemorySigningKeys
from promenade_chassis.database import Database
from promenade_chassis.ports import NotFound, PageRequest, Place, StaleVersion, UnitOfWork, utc_now
from promenade_chassis.testing.fakes import InMemoryUnitOfWork
from promenade_identity.key.ed25519 import Ed25519Keysmith
from promenade_identity.key.postgres import PostgresSigningKeys
from promenade_identity.key.repository import SigningKeys
from promenade_identity.mail.entity import Mail
from promenade_identity.mail.postgres import PostgresMails
from promenade_identity.revocation.entity import Revocation
from promenade_identity.revocation.postgres import PostgresRevocations
from promenade_identity.revocation.repository import Revocations
from promenade_identity.sealing import Seal, derived_key
from promenade_identity.session.entity import REFRESH_LIFETIME, EndReason, RefreshMint, Session
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.session.repository import Sessions
from promenade_kernel.values.email import Email

MINT = RefreshMint(b"a key for tests")
SEAL = Seal(derived_key("a secret", "tests"))


@dataclass
class Store:
    """A unit of work with the repositories, and the steps of these tests."""

    unit_of_work: UnitOfWork
    sessions: Sessions
    revocations: Revocations
    keys: SigningKeys
    mails: InMemoryMails | PostgresMails

    async def open(self, user_id: UUID | None = None, expires_at: datetime | None = None) -> tuple[Session, str]:
        session, token = Session(user_id=user_id or uuid4(), device="Tablet", ip="203.0.113.9"), MINT.first()
        session.expires_at = expires_at or session.expires_at
        async with self.unit_of_work.begin():
            await self.sessions.add(session, MINT.stored(token, session))
        return session, token

    async def rank(self, token: str, now: datetime) -> tuple[int, str] | None:
        """The number of a token's session and where it stands in it."""
        async with self.unit_of_work.begin():
            found = await self.sessions.hold_by_token(MINT.digest(token))
        return (found[0].counter, found[0].rank(found[1], now)) if found else None

    async def ids(self, user_id: UUID, now: datetime, page: PageRequest = PageRequest()) -> list[UUID]:  # noqa: B008
        return [session.id for session in (await self.sessions.list(user_id, page, now)).items]

    async def revoke(self, *revocations: Revocation) -> None:
        for revocation in revocations:
            async with self.unit_of_work.begin():
                await self.revocations.add(revocation)

    async def queue(self, created_at: datetime) -> Mail:
        mail = Mail(to=Email("ada@example.com"), subject="s", text="t", html="h", created_at=created_at)
        async with self.unit_of_work.begin():
            await self.mails.queue(mail)
        return mail

    async def due(self, now: datetime) -> tuple[UUID, int] | None:
        """The mail that would be sent, and how often it has failed."""
        async with self.unit_of_work.begin():
            waiting = await self.mails.take(now)
        return (waiting.mail.id, waiting.attempts) if waiting else None


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        memory = InMemoryUnitOfWork()
        parts = [kind(memory) for kind in (InMemorySessions, InMemoryRevocations, InMemorySigningKeys, InMemoryMails)]
        return Store(memory, *parts)
    database: Database = request.getfixturevalue("database")
    return Store(
        database,
        PostgresSessions(database),
        PostgresRevocations(database),
        PostgresSigningKeys(database, SEAL),
        PostgresMails(database, SEAL),
    )


async def test_a_token_finds_its_session(store: Store) -> None:
    """As it was stored; a token nobody gave out finds none."""
    session, token = await store.open()

    async with store.unit_of_work.begin():
        found = await store.sessions.hold_by_token(MINT.digest(token))
        unknown = await store.sessions.hold_by_token(MINT.digest("unknown"))
        held = await store.sessions.hold(session.id)

    assert found == (session, MINT.stored(token, session))
    assert held == session
    assert unknown is None


async def test_tokens_of_all_generations_are_known(store: Store) -> None:
    """After rotations the first token is still found, and stands where its number says."""
    now = utc_now()
    session, first = await store.open()
    token = first
    for _ in range(2):
        session.rotate(now, None, None)
        token = MINT.successor(session.id, session.counter, token)
        async with store.unit_of_work.begin():
            await store.sessions.save(session, MINT.stored(token, session))

    assert await store.rank(token, now) == (2, "current")
    assert await store.rank(first, now) == (2, "stale")


async def test_a_stale_session_is_not_written(store: Store) -> None:
    """The second of two who read the same version loses."""
    session, _ = await store.open()
    async with store.unit_of_work.begin():
        stale = await store.sessions.hold(session.id)
    session.rotate(utc_now(), None, None)
    async with store.unit_of_work.begin():
        await store.sessions.save(session)

    with pytest.raises(StaleVersion):
        async with store.unit_of_work.begin():
            await store.sessions.save(stale)


async def test_only_living_sessions_are_shown(store: Store) -> None:
    """Newest first and page by page; ended, expired and others' are not."""
    user_id, now = uuid4(), utc_now()
    opened = [(await store.open(user_id))[0] for _ in range(3)]
    ended, _ = await store.open(user_id)
    ended.end(EndReason.LOGOUT, now)
    async with store.unit_of_work.begin():
        await store.sessions.save(ended)
    await store.open(user_id, expires_at=now - timedelta(seconds=1))
    await store.open()
    newest_first = [session.id for session in opened[::-1]]

    assert await store.ids(user_id, now) == newest_first
    assert await store.ids(user_id, now, PageRequest(limit=2)) == newest_first[:2]
    assert await store.ids(user_id, now, PageRequest(limit=2, after=Place(newest_first[1]))) == newest_first[2:]
    with pytest.raises(NotFound):
        async with store.unit_of_work.begin():
            await store.sessions.hold(ended.id)


async def test_all_sessions_of_a_user_end_together(store: Store) -> None:
    """Others' live on; why and when is kept."""
    user_id, now = uuid4(), utc_now()
    (_, token), (_, second) = await store.open(user_id), await store.open(user_id)
    other, _ = await store.open()

    async with store.unit_of_work.begin():
        await store.sessions.end_all(user_id, EndReason.LOGOUT_ALL, now)

    assert await store.ids(user_id, now) == []
    assert await store.ids(other.user_id, now) == [other.id]
    async with store.unit_of_work.begin():
        for each in (token, second):
            found = await store.sessions.hold_by_token(MINT.digest(each))
            assert found is not None
            assert (found[0].end_reason, found[0].ended_at) == (EndReason.LOGOUT_ALL, now)


async def test_all_sessions_but_one_end(store: Store) -> None:
    """The one that is excepted lives on."""
    user_id, now = uuid4(), utc_now()
    (kept, _), _ = await store.open(user_id), await store.open(user_id)

    async with store.unit_of_work.begin():
        await store.sessions.end_all(user_id, EndReason.PASSWORD, now, except_for=kept.id)

    assert await store.ids(user_id, now) == [kept.id]


async def test_expired_tokens_are_forgotten(store: Store) -> None:
    """So they are as unknown as any; a session that is still used stays."""
    session, first = await store.open()
    later = session.expires_at
    session.rotate(later - timedelta(days=1), None, None)
    token = MINT.successor(session.id, 1, first)
    async with store.unit_of_work.begin():
        await store.sessions.save(session, MINT.stored(token, session))
    _, unused = await store.open()

    async with store.unit_of_work.begin():
        await store.sessions.drop_expired(later + timedelta(minutes=1))

    assert await store.rank(first, later) is None
    assert await store.rank(unused, later) is None
    assert await store.rank(token, later) == (1, "current")
    assert session.expires_at == later - timedelta(days=1) + REFRESH_LIFETIME


async def test_revocations_are_numbered_as_they_come(store: Store) -> None:
    """What came after a number is what came after it; the newest number is always told."""
    now = utc_now()
    assert (await store.revocations.newest(), (await store.revocations.after(-1, now)).newest) == (0, 0)
    one, two = Revocation.of_session(uuid4(), now), Revocation.of_epochs_before(3, uuid4(), now)

    await store.revoke(one, two)

    backlog = await store.revocations.after(-1, now)
    assert (backlog.newest, backlog.revocations) == (2, (one, two))
    assert (await store.revocations.after(1, now)).revocations == (two,)
    assert (await store.revocations.after(2, now)).revocations == ()
    assert await store.revocations.newest() == 2


async def test_many_revocations_are_numbered_in_one_step(store: Store) -> None:
    """In their order, after those that were there and before those that come."""
    now = utc_now()
    first, *many, last = [Revocation.of_epochs_before(number, uuid4(), now) for number in range(12)]
    await store.revoke(first)

    async with store.unit_of_work.begin():
        await store.revocations.add_all(())
        await store.revocations.add_all(many)
    await store.revoke(last)

    assert (await store.revocations.after(-1, now)).revocations == (first, *many, last)
    assert (await store.revocations.after(11, now)).revocations == (last,)
    assert await store.revocations.newest() == 12


async def test_an_expired_revocation_keeps_its_number(store: Store) -> None:
    """It is shown no more, but the count does not go back when it is dropped."""
    now = utc_now()
    old = Revocation.of_session(uuid4(), now - timedelta(hours=1))
    await store.revoke(old)

    async with store.unit_of_work.begin():
        await store.revocations.drop_expired(now)

    backlog = await store.revocations.after(-1, now)
    assert (backlog.newest, backlog.revocations) == (1, ())


async def test_a_revocation_vanishes_with_its_transaction(store: Store) -> None:
    """And its number with it."""
    with suppress(LookupError):
        async with store.unit_of_work.begin():
            await store.revocations.add(Revocation.of_session(uuid4(), utc_now()))
            raise LookupError

    assert await store.revocations.newest() == 0


async def test_keys_come_back_whole(store: Store) -> None:
    """Oldest first, private halves included."""
    now, smith = utc_now(), Ed25519Keysmith()
    made = [smith.make() for _ in range(2)]
    old = replace(made[0], created_at=now - timedelta(days=1), retires_at=now + timedelta(days=1))

    async with store.unit_of_work.begin():
        assert await store.keys.hold_all() == []
        await store.keys.add(made[1])
        await store.keys.add(old)

    assert await store.keys.all() == [old, made[1]]


async def test_the_mail_that_waits_longest_is_due(store: Store) -> None:
    """Not before its time; one that failed waits again."""
    now = utc_now()
    second, first = await store.queue(now), await store.queue(now - timedelta(seconds=1))

    assert await store.due(now - timedelta(seconds=2)) is None
    assert await store.due(now) == (first.id, 0)
    async with store.unit_of_work.begin():
        await store.mails.postpone(first.id, now + timedelta(seconds=5), "away")
    assert await store.due(now) == (second.id, 0)
    async with store.unit_of_work.begin():
        await store.mails.mark_sent(second.id, now)
    assert await store.due(now) is None
    assert await store.due(now + timedelta(seconds=5)) == (first.id, 1)


@pytest.mark.parametrize("end", ["sent", "refused"])
async def test_a_mail_is_taken_as_it_was_queued_and_once(store: Store, end: str) -> None:
    """All its parts are there, until it is sent or given up."""
    now = utc_now()
    mail = await store.queue(now)

    async with store.unit_of_work.begin():
        taken = await store.mails.take(now)
        ends: dict[str, Callable[[], object]] = {
            "sent": lambda: store.mails.mark_sent(mail.id, now),
            "refused": lambda: store.mails.give_up(mail.id, now, "no such user"),
        }
        await ends[end]()  # type: ignore[misc]

    assert taken is not None
    assert taken.mail == mail
    assert await store.due(now + timedelta(days=1)) is None
