"""The composition root: the only file that knows every room and every adapter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Annotated

import msgspec
from litestar import Litestar
from msgspec import Meta
from promenade_chassis.auth import verifier_from
from promenade_chassis.checks import redis_of, service_checks
from promenade_chassis.config import Settings, section
from promenade_chassis.database import Database
from promenade_chassis.http.app import create_app
from promenade_chassis.http.health import Readiness
from promenade_chassis.idempotency import PostgresIdempotencyStore
from promenade_chassis.ports import RealClock
from promenade_chassis.service import Service

from promenade_order_management.customer.postgres import PostgresCustomers
from promenade_order_management.customer.use_cases import CustomerRoom
from promenade_order_management.documentation import DOCUMENTATION
from promenade_order_management.fulfillment.http import FulfillmentController, OrderFulfillmentController
from promenade_order_management.fulfillment.postgres import PostgresFulfillments
from promenade_order_management.fulfillment.use_cases import FulfillmentRoom
from promenade_order_management.order.http import OrderController, OrderLineController
from promenade_order_management.order.postgres import PostgresOrders
from promenade_order_management.order.use_cases import OrderPolicy, OrderRoom
from promenade_order_management.process.http import ProcessController
from promenade_order_management.process.use_cases import ProcessRoom
from promenade_order_management.reactions import Reactions
from promenade_order_management.timeline.postgres import PostgresTimeline

CONTEXT = "order-management"
PACKAGE = "promenade_order_management"
DESCRIPTION = "Order Management: what was ordered and where it is."
ROUTES = (
    OrderController,
    OrderLineController,
    OrderFulfillmentController,
    FulfillmentController,
    ProcessController,
)


class OrdersSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Section `orders`.

    `trust_client_prices`: without a catalogue the prices of self-service orders are the client's; unless they are
    trusted such an order is held until staff release it.
    """

    trust_client_prices: bool = False
    payment_deadline_hours: Annotated[int, Meta(ge=1, le=24 * 365)] = 24

    def as_policy(self) -> OrderPolicy:
        """The settings as the orders know them."""
        return OrderPolicy(
            trust_client_prices=self.trust_client_prices, pay_within=timedelta(hours=self.payment_deadline_hours)
        )


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """Every room, furnished with its adapters."""

    customer: CustomerRoom
    order: OrderRoom
    fulfillment: FulfillmentRoom
    process: ProcessRoom


def build(settings: Settings) -> Service:
    """The service, ready to be run."""
    database = Database(settings.database, application_name="promenade-order-management")
    redis = redis_of(settings.redis.url)
    rooms = furnish(database, section(settings, "orders", OrdersSettings).as_policy())
    readiness = Readiness(CONTEXT, version("promenade-order-management"), service_checks(database, redis, PACKAGE))
    return Service(
        context=CONTEXT,
        package=PACKAGE,
        settings=settings,
        app=build_app(settings, rooms, database, readiness),
        database=database,
        readiness=readiness,
        subscribe=Reactions(rooms.customer, rooms.order).subscribe,
        on_stop=[redis.aclose],
    )


def build_app(settings: Settings, rooms: Rooms, database: Database, readiness: Readiness) -> Litestar:
    """The HTTP application: what the service serves, and to whom."""
    return create_app(
        context=CONTEXT,
        version=readiness.version,
        description=DESCRIPTION,
        routes=ROUTES,
        dependencies={
            "order_room": rooms.order,
            "fulfillment_room": rooms.fulfillment,
            "process_room": rooms.process,
        },
        verifier=verifier_from(settings.auth),
        unit_of_work=database,
        idempotency=PostgresIdempotencyStore(database),
        readiness=readiness,
        http=settings.http,
        documentation=DOCUMENTATION,
    )


def furnish(database: Database, policy: OrderPolicy) -> Rooms:
    """Every room with the adapters it works with."""
    clock, customers, timeline = RealClock(), PostgresCustomers(database), PostgresTimeline(database)
    orders, fulfillments = PostgresOrders(database, timeline), PostgresFulfillments(database)
    return Rooms(
        customer=CustomerRoom(database, customers),
        order=OrderRoom(database, orders, customers, timeline, clock, policy),
        fulfillment=FulfillmentRoom(database, fulfillments, orders, clock),
        process=ProcessRoom(orders, timeline),
    )
