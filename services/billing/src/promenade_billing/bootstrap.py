"""The composition root: the only file that knows every room and every adapter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from litestar import Litestar
from msgspec import Meta
from promenade_chassis.auth import TokenVerifier, verifier_from
from promenade_chassis.checks import redis_of, service_checks
from promenade_chassis.config import ConfigurationError, HttpSettings, Settings, section
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import IdempotencyStore, PostgresIdempotencyStore
from promenade_chassis.jobs import Job
from promenade_chassis.ports import Clock, RealClock, UnitOfWork
from promenade_chassis.service import Service
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email

from promenade_billing.customer.postgres import PostgresCustomers
from promenade_billing.customer.use_cases import CustomerRoom
from promenade_billing.documentation import DOCUMENTATION
from promenade_billing.invoice.http import InvoiceController
from promenade_billing.invoice.parts import Seller, Terms
from promenade_billing.invoice.postgres import PostgresInvoices, PostgresNumberSeries
from promenade_billing.invoice.use_cases import InvoiceRoom
from promenade_billing.payment.http import PaymentController
from promenade_billing.payment.postgres import PostgresPayments
from promenade_billing.payment.repository import PaymentProvider
from promenade_billing.payment.simulated import SimulatedProvider
from promenade_billing.payment.use_cases import PaymentRoom
from promenade_billing.payment.work import AT_ONCE, work_on_payments
from promenade_billing.reactions import Reactions

CONTEXT = "billing"
PACKAGE = "promenade_billing"
DESCRIPTION = "Billing: what is owed and what was paid."


class SellerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `seller`: who sells, as it stands on every invoice, his time zone and his terms of payment."""

    name: str = "Promenade Trading"
    address: Address = Address(street="Promenade 1", city="Vienna", postal_code="1010", country="AT")
    email: str | None = None
    tax_id: str | None = None
    timezone: str = "UTC"
    payment_days: Annotated[int, Meta(ge=0, le=3650)] = 14


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Every room, furnished with its adapters."""

    customer: CustomerRoom
    invoice: InvoiceRoom
    payment: PaymentRoom


def build(settings: Settings) -> Service:
    """The service, ready to be run."""
    database = Database(settings.database, application_name="promenade-billing")
    # The simulated provider is another company: its books never share a transaction with ours.
    provider_database = Database(
        msgspec.structs.replace(settings.database, min_size=0, max_size=AT_ONCE),
        application_name="promenade-simulated-provider",
    )
    redis = redis_of(settings.redis.url)
    seller, terms = seller_of(settings)
    rooms, charge = furnish(database, SimulatedProvider(provider_database), seller, terms, RealClock())
    readiness = Readiness(CONTEXT, version("promenade-billing"), service_checks(database, redis, PACKAGE))
    return Service(
        context=CONTEXT,
        package=PACKAGE,
        settings=settings,
        app=build_app(
            rooms,
            readiness,
            verifier=verifier_from(settings.auth),
            unit_of_work=database,
            idempotency=PostgresIdempotencyStore(database),
            http=settings.http,
        ),
        database=database,
        readiness=readiness,
        subscribe=Reactions(rooms.customer, rooms.invoice).subscribe,
        jobs=[charge],
        on_start=[provider_database.open],
        on_stop=[provider_database.close, redis.aclose],
    )


def build_app(
    rooms: Rooms,
    readiness: Readiness,
    *,
    verifier: TokenVerifier,
    unit_of_work: UnitOfWork,
    idempotency: IdempotencyStore,
    http: HttpSettings,
) -> Litestar:
    """The HTTP application: what the service serves, and to whom."""
    return create_app(
        context=CONTEXT,
        version=readiness.version,
        description=DESCRIPTION,
        routes=[InvoiceController, PaymentController],
        dependencies={"invoice_room": rooms.invoice, "payment_room": rooms.payment},
        verifier=verifier,
        unit_of_work=unit_of_work,
        idempotency=idempotency,
        readiness=readiness,
        http=http,
        documentation=DOCUMENTATION,
    )


def furnish(
    database: Database, provider: PaymentProvider, seller: Seller, terms: Terms, clock: Clock
) -> tuple[Rooms, Job]:
    """Every room with the adapters it works with, and the job that charges."""
    customers, invoices = PostgresCustomers(database), PostgresInvoices(database)
    # The job that charges and the payments that wake it know each other.
    payments = PostgresPayments(database, lambda: charge.wake())
    payment_room = PaymentRoom(database, payments, invoices, provider, clock)
    charge = Job("payments", partial(work_on_payments, room=payment_room), every=1.0)
    rooms = Rooms(
        customer=CustomerRoom(database, customers),
        invoice=InvoiceRoom(
            unit_of_work=database,
            invoices=invoices,
            numbers=PostgresNumberSeries(database),
            customers=customers,
            clock=clock,
            seller=seller,
            terms=terms,
        ),
        payment=payment_room,
    )
    return rooms, charge


def seller_of(settings: Settings) -> tuple[Seller, Terms]:
    """Who sells and on which terms; raises `ConfigurationError` for an email or a time zone that is none."""
    configured = section(settings, "seller", SellerSettings)
    try:
        ZoneInfo(configured.timezone)
        email = Email(configured.email) if configured.email else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"section seller: {error}") from error
    seller = Seller(name=configured.name, address=configured.address, email=email, tax_id=configured.tax_id)
    return seller, Terms(timezone=configured.timezone, payment_days=configured.payment_days)
