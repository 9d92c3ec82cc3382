"""The composition root: what the service serves, reacts to and does by itself."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version

from litestar import Litestar
from promenade_chassis.auth import verifier_from
from promenade_chassis.checks import service_checks
from promenade_chassis.config import Settings
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore, PostgresIdempotencyStore
from promenade_chassis.jobs import Job
from promenade_chassis.ports import UnitOfWork
from promenade_chassis.service import Service

from promenade_identity.administration.http import UserController
from promenade_identity.administration.use_cases import reinstate_due_users
from promenade_identity.contact.http import ContactController
from promenade_identity.documentation import DOCUMENTATION
from promenade_identity.furniture import Engines, Rooms, furnish, require_secret
from promenade_identity.key.http import KeyController
from promenade_identity.key.use_cases import ensure_signing_key, public_keys
from promenade_identity.me.http import MeController
from promenade_identity.profile.http import ProfileController
from promenade_identity.reactions import Reactions
from promenade_identity.recovery.http import RecoveryController
from promenade_identity.session.http import SessionController
from promenade_identity.session.use_cases import drop_expired
from promenade_identity.user.http import RegistrationController
from promenade_identity.user.use_cases import expire_pending_users

CONTEXT = "identity"
PACKAGE = "promenade_identity"
DESCRIPTION = "Identity: who a person is, how he proves it and what he may do."


def build(settings: Settings) -> Service:
    """The service, ready to be run."""
    rooms, engines = furnish(settings)
    database = engines.database
    readiness = Readiness(
        CONTEXT, version("promenade-identity"), service_checks(engines.database, engines.redis, PACKAGE)
    )
    return Service(
        context=CONTEXT,
        package=PACKAGE,
        settings=settings,
        app=build_app(settings, rooms, readiness, database, PostgresIdempotencyStore(database)),
        database=database,
        readiness=readiness,
        subscribe=Reactions(rooms.user, rooms.contact, rooms.recovery).subscribe,
        jobs=[
            engines.send_mails,
            Job("revocations", engines.announcements.keep_up, every=0.3),
            Job("pending-users", partial(expire_pending_users, room=rooms.user), every=300),
            Job("suspensions", partial(reinstate_due_users, room=rooms.administration), every=5),
            Job("expired-sessions", partial(drop_expired, room=rooms.session), every=60),
        ],
        on_start=[partial(_start, settings, rooms, engines)],
        on_stop=[engines.hashes.close, engines.redis.aclose],
    )


def build_app(
    settings: Settings, rooms: Rooms, readiness: Readiness, unit_of_work: UnitOfWork, idempotency: IdempotencyStore
) -> Litestar:
    """The HTTP application."""
    return create_app(
        context=CONTEXT,
        version=readiness.version,
        description=DESCRIPTION,
        routes=[
            RegistrationController,
            SessionController,
            RecoveryController,
            UserController,
            MeController,
            ProfileController,
            ContactController,
        ],
        root_routes=[KeyController],
        dependencies={
            "user_room": rooms.user,
            "session_room": rooms.session,
            "recovery_room": rooms.recovery,
            "administration_room": rooms.administration,
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
        documentation=DOCUMENTATION,
    )


async def _start(settings: Settings, rooms: Rooms, engines: Engines) -> None:
    """Make sure of the secret, of a key to sign with, and of the mark that the gateway waits for."""
    try:
        require_secret(settings)
        await ensure_signing_key(room=rooms.key)
        await engines.announcements.announce()
    except BaseException:
        # The pool's tasks would keep a process alive that is not going to start.
        await engines.database.close()
        raise
