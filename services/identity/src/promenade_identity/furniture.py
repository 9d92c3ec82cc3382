"""Every room with the adapters it works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
from promenade_chassis.config import ConfigurationError, Settings, section
from promenade_chassis.database import Database
from promenade_chassis.jobs import Job
from redis.asyncio import Redis

from promenade_identity.administration.use_cases import AdministrationRoom
from promenade_identity.audit.logs import LoggedTrail
from promenade_identity.code.entity import CodeMint
from promenade_identity.code.postgres import PostgresCodes
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.key.ed25519 import CachedKeyRing, Ed25519Keysmith
from promenade_identity.key.postgres import PostgresSigningKeys
from promenade_identity.key.use_cases import KeyRoom
from promenade_identity.mail.jinja import JinjaTemplates
from promenade_identity.mail.postgres import PostgresMails
from promenade_identity.mail.repository import MailTransport
from promenade_identity.mail.transports import DirectoryTransport, LoggedTextMessages, MailSettings, SmtpTransport
from promenade_identity.mail.use_cases import MailRoom, send_next_mail
from promenade_identity.me.use_cases import MeRoom
from promenade_identity.password.argon2 import Argon2Hashes, PasswordSettings
from promenade_identity.password.entity import MINIMUM, PasswordRules, bundled_common_passwords
from promenade_identity.profile.postgres import PostgresProfiles
from promenade_identity.profile.use_cases import ProfileRoom
from promenade_identity.recovery.use_cases import RecoveryRoom
from promenade_identity.revocation.postgres import CommittedAnnouncements, PostgresRevocations
from promenade_identity.revocation.redis import RedisAnnouncements
from promenade_identity.role.system import SystemRoles
from promenade_identity.sealing import Seal, derived_key
from promenade_identity.session.access_tokens import SignedAccessTokens
from promenade_identity.session.entity import RefreshMint
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.session.use_cases import SessionRoom
from promenade_identity.user.pace import SteadyPace
from promenade_identity.user.postgres import PostgresAttempts, PostgresUsers
from promenade_identity.user.use_cases import UserRoom

SHORTEST_SECRET = 32
REDIS_SECONDS = 2.0


class KeySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `keys`: the secret (AUTH_KEY_SECRET) that every other key of this service is derived from."""

    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Every room of the service."""

    user: UserRoom
    session: SessionRoom
    recovery: RecoveryRoom
    administration: AdministrationRoom
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


def furnish(settings: Settings) -> tuple[Rooms, Engines]:
    """The rooms with their real adapters."""
    secret = section(settings, "keys", KeySettings).secret
    passwords = _password_settings(settings)
    database = Database(settings.database, application_name="promenade-identity")
    redis, hashes = _redis(settings), Argon2Hashes(passwords)
    rules = PasswordRules(bundled_common_passwords(), passwords.minimum)
    pace = SteadyPace(passwords.answer_after_ms / 1000)
    users, contacts, profiles = PostgresUsers(database), PostgresContacts(database), PostgresProfiles(database)
    sessions, revocations = PostgresSessions(database), PostgresRevocations(database)
    redis_announcements = RedisAnnouncements(redis, revocations)
    announcements, attempts = CommittedAnnouncements(redis_announcements, database), PostgresAttempts(database)
    codes, mint, templates = PostgresCodes(database), CodeMint(derived_key(secret, "codes")), JinjaTemplates()
    keys = PostgresSigningKeys(database, Seal(derived_key(secret, "signing keys")))
    ring = CachedKeyRing(keys)

    # The job that sends and the queue that wakes it know each other.
    mails = PostgresMails(database, Seal(derived_key(secret, "mails")), lambda: send_mails.wake())
    mail_room = MailRoom(database, mails, _transport(settings))
    send_mails = Job("mails", partial(send_next_mail, room=mail_room), every=1.0)

    rooms = Rooms(
        user=UserRoom(
            unit_of_work=database,
            users=users,
            attempts=attempts,
            passwords=hashes,
            rules=rules,
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
            sessions=sessions,
            users=users,
            passwords=hashes,
            pace=pace,
            refresh_mint=RefreshMint(derived_key(secret, "refresh tokens")),
            access_tokens=SignedAccessTokens(ring, settings.auth),
            revocations=revocations,
            announcements=announcements,
        ),
        recovery=RecoveryRoom(
            unit_of_work=database,
            users=users,
            attempts=attempts,
            contacts=contacts,
            profiles=profiles,
            sessions=sessions,
            passwords=hashes,
            rules=rules,
            pace=pace,
            codes=codes,
            mint=mint,
            mails=mails,
            templates=templates,
            revocations=revocations,
            announcements=announcements,
        ),
        administration=AdministrationRoom(
            unit_of_work=database,
            users=users,
            attempts=attempts,
            contacts=contacts,
            profiles=profiles,
            sessions=sessions,
            grants=SystemRoles(),
            revocations=revocations,
            announcements=announcements,
            trail=LoggedTrail(),
        ),
        contact=ContactRoom(
            unit_of_work=database,
            contacts=contacts,
            owners=users,
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
    engines = Engines(
        database=database, redis=redis, hashes=hashes, announcements=redis_announcements, send_mails=send_mails
    )
    return rooms, engines


def require_secret(settings: Settings) -> None:
    """Raise `ConfigurationError` when there is no secret worth the name.

    Not before the start: the command line writes the OpenAPI document without any.
    """
    if len(section(settings, "keys", KeySettings).secret) < SHORTEST_SECRET:
        raise ConfigurationError(f"keys.secret: set AUTH_KEY_SECRET to at least {SHORTEST_SECRET} random characters")


def _password_settings(settings: Settings) -> PasswordSettings:
    passwords = section(settings, "passwords", PasswordSettings)
    if passwords.minimum < MINIMUM:
        raise ConfigurationError(f"passwords.minimum: passwords have at least {MINIMUM} characters; it can be raised")
    return passwords


def _redis(settings: Settings) -> Redis:
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
