"""The port of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta
from promenade_chassis.ports import ListOf, Page, PageRequest, Sort
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_customer_management.customer.entity import Customer, Lifecycle, Tier, Told, UserStatus
from promenade_customer_management.customer.user_profile import UserProfile
from promenade_customer_management.customer.values import MAX_TAG

_Q = "A part of the name or email, in any case, or three digits of the phone or more."


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """What a list is narrowed to; `q` looks for a part of name or email, or for three digits of the phone or more."""

    lifecycle: Lifecycle | None = None
    tier: Tier | None = None
    owner_id: UUID | None = None
    tag: Annotated[str, Meta(min_length=1, max_length=MAX_TAG, description="A tag, as it is spelled.")] | None = None
    q: Annotated[str, Meta(min_length=1, max_length=100, description=_Q)] | None = None


CUSTOMERS = ListOf(Customer, CustomerFilter, Sort("created_at", datetime), Sort("name", str))


class Customers(Protocol):
    """The living customers; deleted ones are only seen by `get_with_deleted`."""

    async def add(self, customer: Customer) -> None:
        """Store a new customer; raises `EmailTaken` or `UserTaken`."""
        ...

    async def save(self, customer: Customer) -> None:
        """Store a change; raises `StaleVersion`, `EmailTaken` or `UserTaken`."""
        ...

    async def get(self, customer_id: UUID) -> Customer:
        """A living customer; raises `NotFound`."""
        ...

    async def get_with_deleted(self, customer_id: UUID) -> Customer:
        """A customer, living or deleted; raises `NotFound`."""
        ...

    async def of_user(self, user_id: UUID) -> Customer | None:
        """The living customer linked to a user."""
        ...

    async def ever_of_user(self, user_id: UUID) -> Customer | None:
        """The customer linked to a user, the newest deleted one when none lives."""
        ...

    async def of_email(self, email: Email) -> Customer | None:
        """The living customer with that email, however it is spelled."""
        ...

    async def list(self, wanted: CustomerFilter, page: PageRequest) -> Page[Customer]:
        """A page of the living customers, as `CUSTOMERS` declares the list."""
        ...

    async def alike(self, customer: Customer) -> Sequence[UUID]:
        """Living customers with the same phone or name: likely duplicates, at most ten."""
        ...


class Users(Protocol):
    """What identity last told of users, also of those without a customer: what is older never overwrites it."""

    async def note_status(self, user_id: UUID, status: UserStatus, told: Told) -> UserStatus:
        """Note what became of a user; answers what is known of him now: another status when that is newer."""
        ...

    async def status(self, user_id: UUID) -> UserStatus:
        """What is known of a user; `NONE` when nobody told."""
        ...

    async def note_proof(self, user_id: UUID, value: Email | Phone, told: Told) -> bool:
        """Note that a user proved his primary email or phone; answers False when one proved later is known."""
        ...

    async def note_spare_phone(self, user_id: UUID, phone: Phone, told: Told) -> tuple[bool, Phone | None]:
        """Note that a user proved a phone that is not his primary one.

        Answers whether it stands in (no primary one is known, nor one proved later), and which one stood in before.
        """
        ...

    async def hold_profile(self, user_id: UUID) -> UserProfile:
        """What a user told of himself so far; nobody else learns more of him until the unit of work ends."""
        ...

    async def put_profile(self, user_id: UUID, profile: UserProfile) -> None:
        """Store what is known now of a user whose profile is held."""
        ...
