"""The peer of our service: the same three endpoints on Litestar and Advanced Alchemy, as their documentation has them.

`python app.py PORT` with DATABASE_URL (postgresql+asyncpg://…) on a database with the same tables. Services,
repositories, `to_schema` and the autocommit of the plugin are those of the guide "Litestar integration"; it runs on
uvicorn with uvloop and httptools, a pool of ten, no access log. It knows no tokens, permissions, events, ETags or
Idempotency-Keys. It names no total with a list, which would cost it another query.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import uvicorn
from advanced_alchemy.base import DefaultBase
from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    EngineConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    providers,
    repository,
    service,
)
from advanced_alchemy.filters import LimitOffset, OrderBy
from litestar import Controller, Litestar, get, post
from litestar.params import Parameter
from sqlalchemy import ARRAY, DateTime, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from uuid6 import uuid7

PREFIX = "/api/v1/customer-management/customers"


def _now() -> datetime:
    return datetime.now().astimezone()


class Customer(DefaultBase):
    """The table as our migration makes it."""

    __tablename__ = "customer"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[UUID | None]
    user_status: Mapped[str] = mapped_column(Text, default="none")
    lifecycle: Mapped[str] = mapped_column(Text, default="lead")
    disqualified_reason: Mapped[str | None] = mapped_column(Text)
    churn_reason: Mapped[str | None] = mapped_column(Text)
    tier: Mapped[str] = mapped_column(Text, default="free")
    source: Mapped[str] = mapped_column(Text, default="manual")
    owner_id: Mapped[UUID | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    currency: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str | None] = mapped_column(Text)
    locale: Mapped[str | None] = mapped_column(Text)
    billing_address: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    version: Mapped[int] = mapped_column(default=1)
    last_sequence: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=_now, onupdate=_now)
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class CreateCustomer(msgspec.Struct, kw_only=True):
    """The body of the POST."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    email: str | None = None
    phone: str | None = None
    tier: str = "free"
    tags: list[str] = msgspec.field(default_factory=list)
    currency: str | None = None
    timezone: str | None = None


class CustomerResource(msgspec.Struct, kw_only=True):
    """What is answered: the fields of ours."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime
    name: str
    email: str | None
    phone: str | None
    user_id: UUID | None
    user_status: str
    lifecycle: str
    disqualified_reason: str | None
    churn_reason: str | None
    tier: str
    source: str
    owner_id: UUID | None
    tags: list[str]
    currency: str | None
    timezone: str | None
    locale: str | None
    billing_address: dict[str, Any] | None
    allowed_actions: tuple[str, ...] = ("update", "delete", "assign", "tag")


class Listing(msgspec.Struct):
    """One page."""

    items: list[CustomerResource]
    next_cursor: str | None


class CustomerService(service.SQLAlchemyAsyncRepositoryService[Customer]):
    """Customers."""

    class Repository(repository.SQLAlchemyAsyncRepository[Customer]):
        """Customers in PostgreSQL."""

        model_type = Customer

    repository_type = Repository


class CustomerController(Controller):
    """The three endpoints."""

    path = PREFIX
    dependencies = providers.create_service_dependencies(CustomerService, "customers")

    @get("/")
    async def list_customers(
        self, customers: CustomerService, limit: Annotated[int, Parameter(ge=1, le=100)] = 25
    ) -> Listing:
        """Customers, newest first."""
        found = await customers.list(
            Customer.deleted_at.is_(None), OrderBy("id", "desc"), LimitOffset(limit=limit, offset=0)
        )
        page = customers.to_schema(found, schema_type=CustomerResource)
        return Listing(items=list(page.items), next_cursor=str(found[-1].id) if len(found) == limit else None)

    @get("/{customer_id:uuid}")
    async def get_customer(self, customers: CustomerService, customer_id: UUID) -> CustomerResource:
        """One customer."""
        return customers.to_schema(await customers.get(customer_id), schema_type=CustomerResource)

    @post("/")
    async def create_customer(self, customers: CustomerService, data: CreateCustomer) -> CustomerResource:
        """A new customer."""
        return customers.to_schema(await customers.create(msgspec.to_builtins(data)), schema_type=CustomerResource)


def create_app(url: str) -> Litestar:
    """The application."""
    alchemy = SQLAlchemyAsyncConfig(
        connection_string=url,
        before_send_handler="autocommit",
        session_config=AsyncSessionConfig(expire_on_commit=False),
        engine_config=EngineConfig(pool_size=10, max_overflow=0),
    )
    return Litestar(
        route_handlers=[CustomerController],
        plugins=[SQLAlchemyPlugin(config=alchemy)],
        logging_config=None,
        openapi_config=None,
    )


if __name__ == "__main__":
    uvicorn.run(
        create_app(os.environ["DATABASE_URL"]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
