"""Every room with the adapters it works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from promenade_chassis.config import ConfigurationError, Settings, section
from promenade_chassis.database import Database
from promenade_chassis.jobs import Job
from redis.asyncio import Redis

from promenade_identity.administration.use_cases import AdministrationRoom
from promenade_identity.audit.postgres import PostgresTrail
from promenade_identity.audit.use_cases import AuditRoom
from promenade_identity.code.entity import CodeMint
from promenade_identity.code.postgres import PostgresCodeRequests, PostgresCodes
from promenade_identity.contact.postgres import PostgresContacts
from promenade_identity.contact.use_cases import ContactRoom
from promenade_identity.key.ed25519 import CachedKeyRing, Ed25519Keysmith
from promenade_identity.key.postgres import PostgresSigningKeys
from promenade_identity.key.settings import KeySettings
from promenade_identity.key.use_cases import KeyRoom
from promenade_identity.mail.jinja import JinjaTemplates
from promenade_identity.mail.postgres import PostgresMails
from promenade_identity.mail.repository import MailTransport
from promenade_identity.mail.smtp import SmtpTransport
from promenade_identity.mail.transports import DirectoryTransport, LoggedTextMessages, MailSettings
from promenade_identity.mail.use_cases import MailRoom, forget_done_mails, send_next_mail
from promenade_identity.mail.watched import WatchedTransport, show_waiting
from promenade_identity.me.use_cases import MeRoom
from promenade_identity.operator.postgres import PostgresEverybody
from promenade_identity.operator.use_cases import OperatorRoom
from promenade_identity.password.argon2 import Argon2Hashes, PasswordSettings
from promenade_identity.password.entity import (
    MINIMUM,
    PasswordRules,
    bundled_common_passwords,
    bundled_common_stems,
)
from promenade_identity.profile.postgres import PostgresProfiles
from promenade_identity.profile.use_cases import ProfileRoom
from promenade_identity.recovery.use_cases import RecoveryRoom
from promenade_identity.revocation.postgres import CommittedAnnouncements, PostgresRevocations
from promenade_identity.revocation.redis import RedisAnnouncements
from promenade_identity.role.postgres import PostgresGrants, PostgresRoles
from promenade_identity.role.use_cases import RoleRoom
from promenade_identity.sealing import derived_key
from promenade_identity.session.access_tokens import SignedAccessTokens, TokenSettings
from promenade_identity.session.entity import RefreshMint
from promenade_identity.session.postgres import PostgresSessions
from promenade_identity.session.use_cases import SessionRoom
from promenade_identity.user.owners import Owners
from promenade_identity.user.pace import SteadyPace
from promenade_identity.user.postgres import PostgresAttempts, PostgresHolders, PostgresUsers
from promenade_identity.user.use_cases import UserRoom

REDIS_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Every room of the service."""

    user: UserRoom
    session: SessionRoom
    recovery: RecoveryRoom
    administration: AdministrationRoom
    contact: ContactRoom
    profile: ProfileRoom
    role: RoleRoom
    me: MeRoom
    key: KeyRoom
    mail: MailRoom
    audit: AuditRoom
    operator: OperatorRoom


@dataclass(frozen=True, kw_only=True)
class Engines:
    """What the adapters stand on, and what has to be closed at the end."""

    database: Database
    redis: Redis
    hashes: Argon2Hashes
    announcements: RedisAnnouncements
    mail_jobs: list[Job]


def furnish(settings: Settings) -> tuple[Rooms, Engines]:
    """The rooms with their real adapters."""
    key_settings, tokens = section(settings, "keys", KeySettings), section(settings, "tokens", TokenSettings)
    secret = key_settings.secret
    passwords = _password_settings(settings)
    database = Database(settings.database, application_name="promenade-identity")
    redis, hashes = _redis(settings), Argon2Hashes(passwords)
    rules = PasswordRules(bundled_common_passwords(), passwords.minimum, bundled_common_stems())
    pace = SteadyPace(passwords.answer_after_ms / 1000)
    users, contacts, profiles = PostgresUsers(database), PostgresContacts(database), PostgresProfiles(database)
    sessions, revocations = PostgresSessions(database), PostgresRevocations(database)
    grants = PostgresGrants(database)
    owners = Owners(users, grants)
    redis_announcements = RedisAnnouncements(redis, revocations)
    announcements, attempts = CommittedAnnouncements(redis_announcements, database), PostgresAttempts(database)
    code_requests = PostgresCodeRequests(database)
    codes, mint, templates = PostgresCodes(database), CodeMint(derived_key(secret, "codes")), JinjaTemplates()
    trail = PostgresTrail(database)
    keys = PostgresSigningKeys(database, key_settings.seal("signing keys"))
    ring = CachedKeyRing(keys, key_settings.cache_seconds)

    # The job that sends and the queue that wakes it know each other.
    mails = PostgresMails(database, key_settings.seal("mails"), lambda: send_mails.wake())
    mail_room = MailRoom(database, mails, WatchedTransport(_transport(settings)))
    send_mails = Job("mails", partial(send_next_mail, room=mail_room), every=1.0)
    mail_jobs = [
        send_mails,
        Job("mail-gauges", partial(show_waiting, mails), every=5),
        Job("done-mails", partial(forget_done_mails, room=mail_room), every=3600),
    ]

    rooms = Rooms(
        user=UserRoom(
            unit_of_work=database,
            users=users,
            attempts=attempts,
            passwords=hashes,
            rules=rules,
            pace=pace,
            codes=codes,
            code_requests=code_requests,
            mint=mint,
            contacts=contacts,
            profiles=profiles,
            grants=grants,
            mails=mails,
            templates=templates,
            revocations=revocations,
            announcements=announcements,
            trail=trail,
        ),
        session=SessionRoom(
            unit_of_work=database,
            sessions=sessions,
            users=users,
            grants=grants,
            passwords=hashes,
            pace=pace,
            refresh_mint=RefreshMint(derived_key(secret, "refresh tokens")),
            access_tokens=SignedAccessTokens(ring, settings.auth, tokens.lifetime),
            revocations=revocations,
            announcements=announcements,
            trail=trail,
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
            code_requests=code_requests,
            mint=mint,
            mails=mails,
            templates=templates,
            revocations=revocations,
            announcements=announcements,
            trail=trail,
        ),
        administration=AdministrationRoom(
            unit_of_work=database,
            users=users,
            attempts=attempts,
            contacts=contacts,
            profiles=profiles,
            sessions=sessions,
            grants=grants,
            revocations=revocations,
            announcements=announcements,
            trail=trail,
        ),
        contact=ContactRoom(
            unit_of_work=database,
            contacts=contacts,
            owners=owners,
            codes=codes,
            code_requests=code_requests,
            mint=mint,
            mails=mails,
            templates=templates,
            text_messages=LoggedTextMessages(database, hides_text=settings.profile == "prod"),
        ),
        profile=ProfileRoom(database, profiles, owners),
        role=RoleRoom(
            unit_of_work=database,
            roles=PostgresRoles(database),
            holders=PostgresHolders(database),
            revocations=revocations,
            announcements=announcements,
            trail=trail,
        ),
        me=MeRoom(users, profiles, contacts, grants),
        key=KeyRoom(
            unit_of_work=database,
            keys=keys,
            keysmith=Ed25519Keysmith(),
            ring=ring,
            times=key_settings.times(settings.auth, tokens.lifetime),
            trail=trail,
        ),
        mail=mail_room,
        operator=OperatorRoom(
            unit_of_work=database,
            users=users,
            everybody=PostgresEverybody(database),
            revocations=revocations,
            announcements=announcements,
            trail=trail,
        ),
        audit=AuditRoom(database, trail),
    )
    engines = Engines(
        database=database, redis=redis, hashes=hashes, announcements=redis_announcements, mail_jobs=mail_jobs
    )
    return rooms, engines


def require_secret(settings: Settings) -> None:
    """Raise `ConfigurationError` when there is no secret worth the name.

    Not before the start: the command line writes the OpenAPI document without any.
    """
    section(settings, "keys", KeySettings).require_secret()


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
