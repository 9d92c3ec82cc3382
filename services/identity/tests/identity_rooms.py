"""The whole service on fakes, and the steps its tests share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import cache
from operator import attrgetter
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
from identity_fakes import (
    InMemoryCodeRequests,
    InMemoryCodes,
    InMemoryContacts,
    PlainTemplates,
    RecordingMails,
    RecordingTextMessages,
)
from identity_fakes_audit import RecordingTrail
from identity_fakes_operator import InMemoryEverybody
from identity_fakes_roles import InMemoryHolders, InMemoryRoles
from identity_fakes_sessions import (
    CountedAnnouncements,
    FixedKeyRing,
    InMemoryMails,
    InMemoryRevocations,
    InMemorySessions,
    InMemorySigningKeys,
)
from identity_fakes_users import CountedPace, InMemoryAttempts, InMemoryProfiles, InMemoryUsers, QuickHashes
from litestar import Litestar
from promenade_chassis.config import AuthSettings, Settings
from promenade_chassis.http.health import Readiness
from promenade_chassis.testing.fakes import InMemoryIdempotencyStore, InMemoryUnitOfWork
from promenade_identity.administration.use_cases import AdministrationRoom
from promenade_identity.audit.use_cases import AuditRoom
from promenade_identity.bootstrap import build_app
from promenade_identity.code.entity import CodeMint
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.furniture import Rooms
from promenade_identity.key.ed25519 import Ed25519Keysmith
from promenade_identity.key.entity import KeyTimes
from promenade_identity.key.use_cases import KeyRoom
from promenade_identity.mail.entity import Mail
from promenade_identity.mail.use_cases import MailRoom
from promenade_identity.me.use_cases import MeRoom
from promenade_identity.operator.use_cases import OperatorRoom
from promenade_identity.password.entity import PasswordRules
from promenade_identity.profile.use_cases import ProfileRoom
from promenade_identity.recovery.use_cases import RecoveryRoom
from promenade_identity.role.entity import Role
from promenade_identity.role.use_cases import RoleRoom
from promenade_identity.session.access_tokens import SignedAccessTokens
from promenade_identity.session.entity import RefreshMint
from promenade_identity.session.use_cases import SessionRoom
from promenade_identity.user.entity import User
from promenade_identity.user.owners import Owners
from promenade_identity.user.use_cases import UserRoom, send_activation_code
from promenade_kernel.events.identity import UserRegistered, UserVerificationRequested
from promenade_kernel.values.email import Email

BASE = "/api/v1/identity"
PASSWORD = "a walrus reads the evening news"
RULES = PasswordRules(frozenset({"password password password"}))
# One for all: the verifier of the application that they share looks for new ones every few seconds only.
KEY = Ed25519Keysmith().make()
AUTH = AuthSettings(issuer="https://promenade.example.com", jwks_url="")


class NoTransport:
    """Takes every mail and forgets it."""

    async def deliver(self, mail: Mail) -> None:
        pass

    async def rest(self) -> None:
        pass


@dataclass
class Fakes:
    """Every port of the service in memory."""

    unit_of_work: InMemoryUnitOfWork = field(default_factory=InMemoryUnitOfWork)
    hashes: QuickHashes = field(default_factory=QuickHashes)
    pace: CountedPace = field(default_factory=CountedPace)
    mails: RecordingMails = field(default_factory=RecordingMails)
    ring: FixedKeyRing = field(default_factory=lambda: FixedKeyRing(KEY))
    answers: InMemoryIdempotencyStore = field(default_factory=InMemoryIdempotencyStore)

    def __post_init__(self) -> None:
        self.profiles = InMemoryProfiles(self.unit_of_work)
        self.users = InMemoryUsers(self.unit_of_work, self.profiles)
        self.attempts = InMemoryAttempts(self.unit_of_work)
        self.contacts = InMemoryContacts(self.unit_of_work)
        self.codes = InMemoryCodes(self.unit_of_work)
        self.code_requests = InMemoryCodeRequests(self.unit_of_work)
        self.sessions = InMemorySessions(self.unit_of_work)
        self.revocations = InMemoryRevocations(self.unit_of_work)
        self.announcements = CountedAnnouncements(self.revocations)
        self.roles = InMemoryRoles(self.unit_of_work)
        self.keys = InMemorySigningKeys(self.unit_of_work)
        self.trail = RecordingTrail(self.unit_of_work)
        self.rooms = self._rooms()

    async def unlock(self, address: str) -> None:
        """Forget a user's wrong passwords."""
        user = await self.users.find_by_email(Email(address))
        assert user is not None
        async with self.unit_of_work.begin():
            await self.users.unlock(user.id)

    def app(self) -> Litestar:
        """The application as bootstrap composes it, on these fakes until another test asks for it on its own."""
        _at_hand.fakes = self
        return _application()

    def _rooms(self) -> Rooms:
        mint, templates = CodeMint(b"a key for tests"), PlainTemplates()
        owners = Owners(self.users, self.roles)
        return Rooms(
            user=UserRoom(
                unit_of_work=self.unit_of_work,
                users=self.users,
                attempts=self.attempts,
                passwords=self.hashes,
                rules=RULES,
                pace=self.pace,
                codes=self.codes,
                code_requests=self.code_requests,
                mint=mint,
                contacts=self.contacts,
                profiles=self.profiles,
                grants=self.roles,
                mails=self.mails,
                templates=templates,
                revocations=self.revocations,
                announcements=self.announcements,
                trail=self.trail,
            ),
            session=SessionRoom(
                unit_of_work=self.unit_of_work,
                sessions=self.sessions,
                users=self.users,
                grants=self.roles,
                passwords=self.hashes,
                pace=self.pace,
                refresh_mint=RefreshMint(b"another key for tests"),
                access_tokens=SignedAccessTokens(self.ring, AUTH),
                revocations=self.revocations,
                announcements=self.announcements,
                trail=self.trail,
            ),
            recovery=RecoveryRoom(
                unit_of_work=self.unit_of_work,
                users=self.users,
                attempts=self.attempts,
                contacts=self.contacts,
                profiles=self.profiles,
                sessions=self.sessions,
                passwords=self.hashes,
                rules=RULES,
                pace=self.pace,
                codes=self.codes,
                code_requests=self.code_requests,
                mint=mint,
                mails=self.mails,
                templates=templates,
                revocations=self.revocations,
                announcements=self.announcements,
                trail=self.trail,
            ),
            administration=AdministrationRoom(
                unit_of_work=self.unit_of_work,
                users=self.users,
                attempts=self.attempts,
                contacts=self.contacts,
                profiles=self.profiles,
                sessions=self.sessions,
                grants=self.roles,
                revocations=self.revocations,
                announcements=self.announcements,
                trail=self.trail,
            ),
            contact=ContactRoom(
                unit_of_work=self.unit_of_work,
                contacts=self.contacts,
                owners=owners,
                codes=self.codes,
                code_requests=self.code_requests,
                mint=mint,
                mails=self.mails,
                templates=templates,
                text_messages=RecordingTextMessages(),
            ),
            profile=ProfileRoom(self.unit_of_work, self.profiles, owners),
            role=RoleRoom(
                unit_of_work=self.unit_of_work,
                roles=self.roles,
                holders=InMemoryHolders(self.users),
                revocations=self.revocations,
                announcements=self.announcements,
                trail=self.trail,
            ),
            me=MeRoom(self.users, self.profiles, self.contacts, self.roles),
            key=KeyRoom(
                unit_of_work=self.unit_of_work,
                keys=self.keys,
                keysmith=Ed25519Keysmith(),
                ring=self.ring,
                times=KeyTimes(ahead=timedelta(minutes=3), after=timedelta(minutes=15), every=timedelta(days=90)),
                trail=self.trail,
            ),
            mail=MailRoom(self.unit_of_work, InMemoryMails(self.unit_of_work), NoTransport()),
            operator=OperatorRoom(
                unit_of_work=self.unit_of_work,
                users=self.users,
                everybody=InMemoryEverybody(self.users, self.sessions),
                revocations=self.revocations,
                announcements=self.announcements,
                trail=self.trail,
                at_once=2,
            ),
            audit=AuditRoom(self.unit_of_work, self.trail),
        )


class _AtHand:
    """The fakes of the test that is running. An application takes a tenth of a second to make, so tests share one."""

    fakes: Fakes


class _Now:
    """Whatever the fakes at hand have in this place at the moment when it is used."""

    def __init__(self, find: Callable[[Fakes], Any]) -> None:
        self._find = find

    def __getattr__(self, name: str) -> Any:
        return getattr(self._find(_at_hand.fakes), name)


_at_hand = _AtHand()


@cache
def _application() -> Litestar:
    unit_of_work, answers = _Now(lambda fakes: fakes.unit_of_work), _Now(lambda fakes: fakes.answers)
    rooms = Rooms(**{each.name: _switched(each.name) for each in fields(Rooms)})
    settings = Settings(profile="test", auth=AUTH)
    return build_app(settings, rooms, Readiness("identity", "1", {}), cast("Any", unit_of_work), cast("Any", answers))


def _switched(room: str) -> Any:
    """A room of the same kind, for the framework looks at that, with the adapters of the fakes at hand."""
    kind: Any = type(getattr(_at_hand.fakes.rooms, room))
    return kind(**{each.name: _Now(attrgetter(f"rooms.{room}.{each.name}")) for each in fields(kind)})


class Visitor:
    """A client of the service on fakes, and what a person does with it."""

    def __init__(self, client: httpx.AsyncClient, fakes: Fakes) -> None:
        self.client = client
        self.fakes = fakes

    async def post(self, path: str, body: Any = None, token: str | None = None, **more: Any) -> httpx.Response:
        content = {} if body is None else {"json": body}
        return await self.client.post(BASE + path, headers=bearer(token), **content, **more)

    async def get(self, path: str, token: str | None = None) -> httpx.Response:
        return await self.client.get(BASE + path, headers=bearer(token))

    async def patch(self, path: str, body: Any, token: str, **headers: str) -> httpx.Response:
        return await self.client.patch(BASE + path, json=body, headers={**bearer(token), **headers})

    async def put(self, path: str, body: Any, token: str | None = None, **headers: str) -> httpx.Response:
        return await self.client.put(BASE + path, json=body, headers={**bearer(token), **headers})

    async def delete(self, path: str, token: str | None = None) -> httpx.Response:
        return await self.client.delete(BASE + path, headers=bearer(token))

    async def register(self, address: str, password: str = PASSWORD, **more: Any) -> str:
        """Register, and answer the code of the mail that its reaction would send."""
        answer = await self.post("/auth/register", {"email": address, "password": password, **more})
        assert (answer.status_code, answer.json()) == (202, {"status": "verification-sent"}), answer.text
        return await self.code()

    async def code(self) -> str:
        """The code of the mail that the newest event calls for."""
        if not await self.mail_of_newest_event():
            return "000000"
        found = re.search(r"\d{6}", self.fakes.mails.queued[-1].text)
        assert found
        return found[0]

    async def mail_of_newest_event(self) -> bool:
        """Do what the reaction to the newest event would; False when it is none that asks for an activation mail."""
        event = self.fakes.unit_of_work.events[-1]
        if not isinstance(event, UserRegistered | UserVerificationRequested):
            return False
        await send_activation_code(event.user_id, event.attempt_id, room=self.fakes.rooms.user)
        return True

    async def activate(self, address: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        """Register and prove the address."""
        code = await self.register(address, password, **more)
        answer = await self.post("/auth/verify-email", {"email": address, "code": code})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def login(self, address: str, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in an active user."""
        answer = await self.post("/auth/login", {"email": address, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign_up(self, address: str, *roles: str) -> dict[str, Any]:
        """Register, prove the address and sign in; with other roles than registered users have, if any are named."""
        await self.activate(address)
        if roles:
            await self.change(address, lambda user: setattr(user, "roles", roles))
        return await self.login(address)

    async def refresh(self, token: str) -> httpx.Response:
        return await self.post("/auth/refresh", {"refresh_token": token})

    async def change(self, address: str, change: Any) -> None:
        """Do something to the user that no route of today does."""
        user = await self.user(address)
        change(user)
        async with self.fakes.unit_of_work.begin():
            await self.fakes.users.save(user)

    async def staff(self, address: str, *permissions: str) -> str:
        """The access token of a new user with a role of just these permissions."""
        await self.activate(address)
        role = Role(name=f"role-{uuid4().hex}", added=frozenset(permissions))
        async with self.fakes.unit_of_work.begin():
            await self.fakes.roles.add(role)

        def appoint(user: User) -> None:
            user.roles = (role.name,)

        await self.change(address, appoint)
        return (await self.login(address))["access_token"]

    async def user(self, address: str) -> User:
        found = await self.fakes.users.find_by_email(Email(address))
        assert found is not None
        return found


def bearer(token: str | None) -> dict[str, str]:
    """The Authorization header of a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def id_of(resource: dict[str, Any]) -> UUID:
    """The id of something the API showed."""
    return UUID(resource["id"])
