"""Requests and answers of customers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from promenade_chassis.http.resources import Resource
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency
from promenade_kernel.values.phone import Phone

from promenade_customer_management.customer.entity import MAX_TAGS, Customer, Lifecycle, Tier, UserStatus
from promenade_customer_management.customer.values import CustomerName, Tag, Timezone

Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=MAX_TAGS)]


class CreateCustomer(msgspec.Struct, kw_only=True):
    """A customer to add by hand."""

    name: CustomerName
    email: Email | None = None
    phone: Phone | None = None
    tier: Tier = Tier.FREE
    owner_id: UUID | None = None
    tags: Tags = ()
    currency: Currency | None = None
    timezone: Timezone | None = None
    billing_address: Address | None = None


class ChangeCustomer(msgspec.Struct, kw_only=True):
    """What to change; null clears where a field may be empty."""

    name: CustomerName | UnsetType = UNSET
    email: Email | None | UnsetType = UNSET
    phone: Phone | None | UnsetType = UNSET
    owner_id: UUID | None | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    currency: Currency | None | UnsetType = UNSET
    timezone: Timezone | None | UnsetType = UNSET
    billing_address: Address | None | UnsetType = UNSET

    def named(self) -> dict[str, Any]:
        """The fields the body named, with their new values."""
        given = {field: getattr(self, field) for field in self.__struct_fields__}
        changes = {field: value for field, value in given.items() if value is not UNSET}
        if "tags" in changes:
            changes["tags"] = sorted(set(changes["tags"]))
        return changes


class SetTier(msgspec.Struct):
    """The tier to set."""

    tier: Tier


class Assign(msgspec.Struct):
    """Who looks after the customer; null: nobody."""

    owner_id: UUID | None


class Because(msgspec.Struct):
    """Why."""

    reason: Reason


class CustomerResource(Resource, kw_only=True):
    """A customer. `user_status` tells what became of the linked user."""

    name: str
    email: Email | None
    phone: Phone | None
    user_id: UUID | None
    user_status: UserStatus
    lifecycle: Lifecycle
    disqualified_reason: str | None
    churn_reason: str | None
    tier: Tier
    source: str
    owner_id: UUID | None
    tags: list[str]
    currency: Currency | None
    timezone: str | None
    locale: str | None
    billing_address: Address | None
    allowed_actions: list[str]


class CreatedCustomer(CustomerResource, kw_only=True):
    """A new customer, with the ids of likely duplicates."""

    possible_duplicates: list[UUID]


def to_resource(customer: Customer) -> CustomerResource:
    """The customer as the API shows it."""
    return CustomerResource(**shape_of(customer))


def shape_of(customer: Customer) -> dict[str, Any]:
    """The fields of the resource, read off the entity."""
    return {field: getattr(customer, field) for field in CustomerResource.__struct_fields__}
