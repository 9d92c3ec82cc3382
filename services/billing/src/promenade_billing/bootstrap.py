"""The composition root: the only file that knows every room and every adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from litestar import Litestar
from promenade_chassis import migrations
from promenade_chassis.auth import verifier_from
from promenade_chassis.config import ConfigurationError, Settings, section
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.jobs import Job
from promenade_chassis.ports import RealClock
from promenade_chassis.service import Service
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email

from promenade_billing.customer.postgres import PostgresCustomers
from promenade_billing.customer.use_cases import CustomerRoom
from promenade_billing.invoice.http import InvoiceController
from promenade_billing.invoice.parts import Seller, Terms
from promenade_billing.invoice.postgres import PostgresInvoices, PostgresNumberSeries
from promenade_billing.invoice.use_cases import InvoiceRoom
from promenade_billing.payment.http import PaymentController
from promenade_billing.payment.postgres import PostgresPayments
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
    payment_days: int = 14


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Every room, furnished with its adapters."""

    customer: CustomerRoom
    invoice: InvoiceRoom
    payment: PaymentRoom


@dataclass(frozen=True, kw_only=True)
class Engines:
    """What the adapters stand on, and what has to be closed at the end."""

    database: Database
    provider_database: Database
    charge: Job


def build(settings: Settings) -> Service:
    """The service, ready to be run."""
    rooms, engines = furnish(settings)
    readiness = Readiness(CONTEXT, version("promenade-billing"), _checks(engines.database))
    return Service(
        context=CONTEXT,
        package=PACKAGE,
        settings=settings,
        app=build_app(settings, rooms, engines.database, readiness),
        database=engines.database,
        readiness=readiness,
        subscribe=Reactions(rooms.customer, rooms.invoice).subscribe,
        jobs=[engines.charge],
        on_start=[engines.provider_database.open],
        on_stop=[engines.provider_database.close],
    )


def build_app(settings: Settings, rooms: Rooms, database: Database, readiness: Readiness) -> Litestar:
    """The HTTP application: what the service serves, and to whom."""
    return create_app(
        context=CONTEXT,
        version=readiness.version,
        description=DESCRIPTION,
        routes=[InvoiceController, PaymentController],
        dependencies={"invoice_room": rooms.invoice, "payment_room": rooms.payment},
        verifier=verifier_from(settings.auth),
        unit_of_work=database,
        idempotency=PostgresIdempotencyStore(database),
        readiness=readiness,
        http=settings.http,
    )


def furnish(settings: Settings) -> tuple[Rooms, Engines]:
    """Every room with the adapters it works with."""
    seller, terms = seller_of(settings)
    clock = RealClock()
    database = Database(settings.database, application_name="promenade-billing")
    # The simulated provider is another company: its books never share a transaction with ours.
    provider_database = Database(
        msgspec.structs.replace(settings.database, min_size=0, max_size=AT_ONCE),
        application_name="promenade-simulated-provider",
    )
    customers, invoices = PostgresCustomers(database), PostgresInvoices(database)

    # The job that charges and the payments that wake it know each other.
    payments = PostgresPayments(database, lambda: charge.wake())
    payment_room = PaymentRoom(
        unit_of_work=database,
        payments=payments,
        invoices=invoices,
        provider=SimulatedProvider(provider_database),
        clock=clock,
    )
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
    return rooms, Engines(database=database, provider_database=provider_database, charge=charge)


def seller_of(settings: Settings) -> tuple[Seller, Terms]:
    """Who sells and on which terms; raises `ConfigurationError` for a time zone that is none."""
    configured = section(settings, "seller", SellerSettings)
    try:
        ZoneInfo(configured.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigurationError(f"seller.timezone: there is no time zone {configured.timezone}") from error
    seller = Seller(
        name=configured.name,
        address=configured.address,
        email=Email(configured.email) if configured.email else None,
        tax_id=configured.tax_id,
    )
    return seller, Terms(timezone=configured.timezone, payment_days=configured.payment_days)


def _checks(database: Database) -> dict[str, Callable[[], Awaitable[bool]]]:
    async def migrations_are_current() -> bool:
        async with database.reading_connection() as connection:
            return await migrations.is_current(connection, migrations.folders_of(PACKAGE))

    return {"database": database.is_ready, "migrations": migrations_are_current}
