"""The composition root: the only file that knows every room and every adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec
from litestar import Litestar
from promenade_chassis import migrations
from promenade_chassis.auth import verifier_from
from promenade_chassis.config import ConfigurationError, Settings, section
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore, PostgresIdempotencyStore
from promenade_chassis.jobs import Job
from promenade_chassis.ports import UnitOfWork
from promenade_chassis.service import Service
from redis.asyncio import Redis

from promenade_identity.code.entity import CodeMint
from promenade_identity.code.postgres import PostgresCodes
from promenade_identity.contact.http import ContactController
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.key.ed25519 import CachedKeyRing, Ed25519Keysmith
from promenade_identity.key.http import KeyController
from promenade_identity.key.postgres import PostgresSigningKeys
from promenade_identity.key.use_cases import KeyRoom, ensure_signing_key, public_keys
from promenade_identity.mail.jinja import JinjaTemplates
from promenade_identity.mail.postgres import PostgresMails
from promenade_identity.mail.repository import MailTransport
from promenade_identity.mail.transports import DirectoryTransport, LoggedTextMessages, MailSettings, SmtpTransport
from promenade_identity.mail.use_cases import MailRoom, send_next_mail
from promenade_identity.me.http import MeController
from promenade_identity.me.use_cases import MeRoom
from promenade_identity.profile.http import ProfileController
from promenade_identity.profile.postgres import PostgresProfiles
from promenade_identity.profile.use_cases import ProfileRoom
from promenade_identity.reactions import Reactions
from promenade_identity.revocation.postgres import PostgresRevocations
from promenade_identity.revocation.redis import RedisAnnouncements
from promenade_identity.sealing import Seal, derived_key
from promenade_identity.session.access_tokens import SignedAccessTokens
from promenade_identity.session.entity import RefreshMint
from promenade_identity.session.http import SessionController
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.session.use_cases import SessionRoom, drop_expired
from promenade_identity.user.argon2 import Argon2Hashes, PasswordSettings
from promenade_identity.user.http import RegistrationController
from promenade_identity.user.pace import SteadyPace
from promenade_identity.user.passwords import MINIMUM, PasswordRules, bundled_common_passwords
from promenade_identity.user.postgres import PostgresAttempts, PostgresUsers
from promenade_identity.user.use_cases import UserRoom, expire_pending_users

CONTEXT = "identity"
PACKAGE = "promenade_identity"
DESCRIPTION = "Identity: who a person is, how he proves it and what he may do."
SHORTEST_SECRET = 32
REDIS_SECONDS = 2.0


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `keys`: the secret (AUTH_KEY_SECRET) that every other key of this service is derived from."""

    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Every room, furnished with its adapters."""

    user: UserRoom
    session: SessionRoom
    contact: ContactRoom
    profile: ProfileRoom
    me: MeRoom
    key: KeyRoom
    mail: MailRoom


@dataclass(frozen=True, kw_only=True)
class Engines:
    """What the adapters stand on, and what has to be closed at the end."""

    database: Database
    redis: Redis
    hashes: Argon2Hashes
    announcements: RedisAnnouncements
    send_mails: Job


def build(settings: Settings) -> Service:
    """The service, ready to be run."""
    rooms, engines = furnish(settings)
    readiness = Readiness(CONTEXT, version("promenade-identity"), _checks(engines))
    return Service(
        context=CONTEXT,
        package=PACKAGE,
        settings=settings,
        app=build_app(settings, rooms, readiness, engines.database, PostgresIdempotencyStore(engines.database)),
        database=engines.database,
        readiness=readiness,
        subscribe=Reactions(rooms.user, rooms.contact).subscribe,
        jobs=[
            engines.send_mails,
            Job("revocations", engines.announcements.keep_up, every=0.3),
            Job("pending-users", partial(expire_pending_users, room=rooms.user), every=300),
            Job("expired-sessions", partial(drop_expired, room=rooms.session), every=60),
        ],
        on_start=[partial(_start, settings, rooms, engines)],
        on_stop=[engines.hashes.close, engines.redis.aclose],
    )


def build_app(
    settings: Settings, rooms: Rooms, readiness: Readiness, unit_of_work: UnitOfWork, idempotency: IdempotencyStore
) -> Litestar:
    """The HTTP application: what the service serves, and to whom."""
    return create_app(
        context=CONTEXT,
        version=readiness.version,
        description=DESCRIPTION,
        routes=[RegistrationController, SessionController, MeController, ProfileController, ContactController],
        root_routes=[KeyController],
        dependencies={
            "user_room": rooms.user,
            "session_room": rooms.session,
            "me_room": rooms.me,
            "profile_room": rooms.profile,
            "contact_room": rooms.contact,
            "key_room": rooms.key,
        },
        # Its own keys need no detour over HTTP.
        verifier=verifier_from(settings.auth, partial(public_keys, room=rooms.key)),
        unit_of_work=unit_of_work,
        idempotency=idempotency,
        readiness=readiness,
        http=settings.http,
    )


def furnish(settings: Settings) -> tuple[Rooms, Engines]:
    """Every room with the adapters it works with."""
    secret = section(settings, "keys", KeySettings).secret
    passwords = section(settings, "passwords", PasswordSettings)
    if passwords.minimum < MINIMUM:
        raise ConfigurationError(f"passwords.minimum: passwords have at least {MINIMUM} characters; it can be raised")

    database = Database(settings.database, application_name="promenade-identity")
    redis = _connect(settings)
    hashes, pace = Argon2Hashes(passwords), SteadyPace(passwords.answer_after_ms / 1000)
    mint = CodeMint(derived_key(secret, "codes"))
    keys = PostgresSigningKeys(database, Seal(derived_key(secret, "signing keys")))
    ring = CachedKeyRing(keys)
    revocations = PostgresRevocations(database)
    announcements = RedisAnnouncements(redis, revocations)
    users, contacts, profiles = PostgresUsers(database), PostgresContacts(database), PostgresProfiles(database)
    codes, templates = PostgresCodes(database), JinjaTemplates()

    # The job that sends and the queue that wakes it know each other.
    mails = PostgresMails(database, Seal(derived_key(secret, "mails")), lambda: send_mails.wake())
    mail_room = MailRoom(database, mails, _transport(settings))
    send_mails = Job("mails", partial(send_next_mail, room=mail_room), every=1.0)

    rooms = Rooms(
        user=UserRoom(
            unit_of_work=database,
            users=users,
            attempts=PostgresAttempts(database),
            passwords=hashes,
            rules=PasswordRules(bundled_common_passwords(), passwords.minimum),
            pace=pace,
            codes=codes,
            mint=mint,
            contacts=contacts,
            profiles=profiles,
            mails=mails,
            templates=templates,
        ),
        session=SessionRoom(
            unit_of_work=database,
            sessions=PostgresSessions(database),
            users=users,
            passwords=hashes,
            pace=pace,
            refresh_mint=RefreshMint(derived_key(secret, "refresh tokens")),
            access_tokens=SignedAccessTokens(ring, settings.auth),
            revocations=revocations,
            announcements=announcements,
        ),
        contact=ContactRoom(
            unit_of_work=database,
            contacts=contacts,
            codes=codes,
            mint=mint,
            mails=mails,
            templates=templates,
            text_messages=LoggedTextMessages(database, hides_text=settings.profile == "prod"),
        ),
        profile=ProfileRoom(database, profiles),
        me=MeRoom(users, profiles, contacts),
        key=KeyRoom(database, keys, Ed25519Keysmith(), ring),
        mail=mail_room,
    )
    engines = Engines(database=database, redis=redis, hashes=hashes, announcements=announcements, send_mails=send_mails)
    return rooms, engines


def _connect(settings: Settings) -> Redis:
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # the library types its options loosely
        settings.redis.url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
    )


def _transport(settings: Settings) -> MailTransport:
    mail = section(settings, "mail", MailSettings)
    if mail.smtp is not None:
        return SmtpTransport(mail.smtp)
    if mail.directory:
        return DirectoryTransport(Path(mail.directory))
    raise ConfigurationError("section mail: name an smtp server or a directory")


async def _start(settings: Settings, rooms: Rooms, engines: Engines) -> None:
    """Make sure of the secret, of a key to sign with, and of the mark that the gateway waits for."""
    try:
        _require_secret(settings)
        await ensure_signing_key(room=rooms.key)
        await engines.announcements.announce()
    except BaseException:
        # The pool's tasks would keep a process alive that is not going to start.
        await engines.database.close()
        raise


def _require_secret(settings: Settings) -> None:
    # Not before the start: the command line writes the OpenAPI document without any secret.
    if len(section(settings, "keys", KeySettings).secret) < SHORTEST_SECRET:
        raise ConfigurationError(f"keys.secret: set AUTH_KEY_SECRET to at least {SHORTEST_SECRET} random characters")


def _checks(engines: Engines) -> dict[str, Callable[[], Awaitable[bool]]]:
    database, redis = engines.database, engines.redis

    async def redis_answers() -> bool:
        return bool(await redis.ping())  # pyright: ignore[reportUnknownMemberType]

    async def migrations_are_current() -> bool:
        async with database.reading_connection() as connection:
            return await migrations.is_current(connection, migrations.folders_of(PACKAGE))

    return {"database": database.is_ready, "redis": redis_answers, "migrations": migrations_are_current}
