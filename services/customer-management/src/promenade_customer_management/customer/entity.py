"""A customer: its lifecycle, and what is known of who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from promenade_chassis.ports import Aggregate, Conflict, NotFound, StateMachine
from promenade_kernel.events.customer_management import CustomerCreated, CustomerDeleted, CustomerUpdated
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency
from promenade_kernel.values.phone import Phone


class Lifecycle(StrEnum):
    """How far the relation has come."""

    LEAD = "lead"
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    CHURNED = "churned"
    DISQUALIFIED = "disqualified"


class Tier(StrEnum):
    """What kind of attention the customer gets."""

    FREE = "free"
    BASIC = "basic"
    PRO = "pro"
    ENTERPRISE = "enterprise"


class UserStatus(StrEnum):
    """What became of the linked user."""

    NONE = "none"
    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where a copy comes from: the aggregate of another context, its count of facts, and when it was a fact."""

    by: UUID
    sequence: int
    at: datetime


MAX_TAGS = 50

_L, _P, _C, _CH, _D = Lifecycle

# Facts win over hands: `order-placed` and `order-confirmed` come from events and need nobody's permission.
LIFECYCLE = StateMachine[Lifecycle](
    {
        "qualify": {_L: _P},
        "disqualify": {_L: _D, _P: _D},
        "recycle": {_D: _L},
        "convert": {_L: _C, _P: _C, _CH: _C},
        "churn": {_C: _CH},
        "reactivate": {_CH: _C},
        "order-placed": {_L: _P},
        "order-confirmed": {_L: _C, _P: _C, _CH: _C, _D: _C},
    },
    internal=frozenset({"order-placed", "order-confirmed"}),
)


class EmailTaken(Conflict):
    """A living user, contact or customer has it; where a deleted one comes back, its address may be taken meanwhile."""

    slug = "email-taken"
    title = "The email address is taken"
    advice = "Use another address, or the user, contact or customer that has it."


class TooManyTags(Conflict):
    """A customer has a limited number of tags."""

    slug = "too-many-tags"
    title = "A customer has at most 50 tags"
    advice = "Remove a tag first."


class UserTaken(Conflict):
    """A user has one customer."""

    slug = "user-taken"
    title = "This user has a customer already"
    advice = "Use the customer that the user has."


class CustomerNotReady(NotFound):
    """The user's customer is made by an event that has not arrived yet."""

    slug = "customer-not-ready"
    title = "Your customer is not there yet; try again in a moment"
    advice = "Repeat in a second."


@dataclass(kw_only=True)
class Customer(Aggregate):
    """The aggregate root. Every change that others copy records the whole copy."""

    name: str
    email: Email | None = None
    phone: Phone | None = None
    user_id: UUID | None = None
    user_status: UserStatus = UserStatus.NONE
    lifecycle: Lifecycle = Lifecycle.LEAD
    disqualified_reason: str | None = None
    churn_reason: str | None = None
    tier: Tier = Tier.FREE
    source: str = "manual"
    owner_id: UUID | None = None
    tags: list[str] = field(default_factory=list[str])
    currency: Currency | None = None
    timezone: str | None = None
    locale: str | None = None
    billing_address: Address | None = None

    def create(self) -> None:
        """Come to be."""
        self.record(CustomerCreated(**self._copy()))

    def change(self, **changes: Any) -> None:
        """Set fields to new values; says so only when something did change."""
        differing = {name: value for name, value in changes.items() if getattr(self, name) != value}
        for name, value in differing.items():
            setattr(self, name, value)
        if differing:
            self.record(CustomerUpdated(**self._copy()))

    def move(self, command: str, reason: str | None = None) -> bool:
        """Give a command of the lifecycle table; answers whether the state changed. Raises `InvalidTransition`."""
        before = self.lifecycle
        self.lifecycle = LIFECYCLE.next_state(before, command)
        self.disqualified_reason = reason if self.lifecycle is Lifecycle.DISQUALIFIED else None
        self.churn_reason = reason if self.lifecycle is Lifecycle.CHURNED else None
        self.record(CustomerUpdated(**self._copy()))
        return self.lifecycle is not before

    def learn(self, fact: str) -> bool:
        """Let a fact move the lifecycle, where the table says that it does; answers whether it did."""
        return LIFECYCLE.accepts(self.lifecycle, fact) and self.move(fact)

    def tag(self, tag: str) -> None:
        """Put a tag on; twice is once. Raises `TooManyTags`."""
        tags = sorted({*self.tags, tag})
        if len(tags) > MAX_TAGS:
            raise TooManyTags
        self.change(tags=tags)

    def untag(self, tag: str) -> None:
        """Take a tag off, if it is there."""
        self.change(tags=[each for each in self.tags if each != tag])

    def delete(self, now: datetime) -> None:
        """Soft-delete; what was sold to it stays."""
        self.deleted_at = now
        self.record(CustomerDeleted(customer_id=self.id, user_id=self.user_id))

    def restore(self) -> None:
        """Bring it back."""
        self.deleted_at = None
        self.record(CustomerUpdated(**self._copy()))

    @property
    def allowed_actions(self) -> list[str]:
        """The lifecycle commands it accepts next."""
        return LIFECYCLE.allowed(self.lifecycle)

    def _copy(self) -> dict[str, Any]:
        return {
            "customer_id": self.id,
            "name": self.name,
            "status": "deleted" if self.is_deleted else "active",
            "lifecycle": self.lifecycle.value,
            "email": self.email,
            "user_id": self.user_id,
            "currency": self.currency,
            "timezone": self.timezone,
            "billing_address": self.billing_address,
        }
