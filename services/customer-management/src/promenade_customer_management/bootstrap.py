"""The composition root: the only file that knows every room and every adapter."""

from __future__ import annotations

from importlib.metadata import version

from litestar import Litestar
from promenade_chassis.auth import TokenVerifier, verifier_from
from promenade_chassis.checks import redis_of, service_checks
from promenade_chassis.config import HttpSettings, Settings
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore, PostgresIdempotencyStore
from promenade_chassis.service import Service

from promenade_customer_management.customer.http import CustomerController
from promenade_customer_management.customer.lifecycle_http import LifecycleController
from promenade_customer_management.customer.own_http import OwnCustomerController
from promenade_customer_management.customer.postgres import PostgresCustomers
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_customer_management.customer.users_postgres import PostgresUsers
from promenade_customer_management.documentation import DOCUMENTATION
from promenade_customer_management.overview.http import TimelineController
from promenade_customer_management.overview.use_cases import OverviewRoom
from promenade_customer_management.reactions import Reactions
from promenade_customer_management.timeline.postgres import PostgresTimeline

CONTEXT = "customer-management"
PACKAGE = "promenade_customer_management"
DESCRIPTION = "Customer Management: whom the company deals with and what might be sold."


def build(settings: Settings) -> Service:
    """The service, ready to be run."""
    database = Database(settings.database, application_name="promenade-customer-management")
    redis = redis_of(settings.redis.url)
    room = CustomerRoom(database, PostgresCustomers(database), PostgresUsers(database), PostgresTimeline(database))
    readiness = Readiness(CONTEXT, version("promenade-customer-management"), service_checks(database, redis, PACKAGE))
    app = build_app(
        room,
        readiness,
        verifier=verifier_from(settings.auth),
        idempotency=PostgresIdempotencyStore(database),
        http=settings.http,
    )
    return Service(
        context=CONTEXT,
        package=PACKAGE,
        settings=settings,
        app=app,
        database=database,
        readiness=readiness,
        subscribe=Reactions(room).subscribe,
        on_stop=[redis.aclose],
    )


def build_app(
    room: CustomerRoom,
    readiness: Readiness,
    *,
    verifier: TokenVerifier,
    idempotency: IdempotencyStore,
    http: HttpSettings,
) -> Litestar:
    """The HTTP application: what the service serves, and to whom."""
    return create_app(
        context=CONTEXT,
        version=readiness.version,
        description=DESCRIPTION,
        routes=[CustomerController, LifecycleController, TimelineController, OwnCustomerController],
        dependencies={
            "customer_room": room,
            "overview_room": OverviewRoom(room.customers, room.timeline),
        },
        verifier=verifier,
        unit_of_work=room.unit_of_work,
        idempotency=idempotency,
        readiness=readiness,
        http=http,
        documentation=DOCUMENTATION,
    )
