"""A contact: an email address, phone number or postal address of a user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from uuid import UUID

from promenade_chassis.ports import Aggregate, Conflict, DomainError, invalid_field
from promenade_kernel.events.identity import ContactCodeRequested, ContactMadePrimary, ContactVerified
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_identity.code.entity import MEMORY, wait_for_code

ContactValue = Email | Phone | Address

CONTACTS_A_USER = 100


class ContactType(StrEnum):
    """What kind of contact it is."""

    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"


class ContactExists(Conflict):
    """The user has this contact already."""

    slug = "contact-exists"
    title = "You have this contact already"
    advice = "Use the contact that is there."


class TooManyContacts(Conflict):
    """A user has so many contacts and no more."""

    slug = "too-many-contacts"
    title = f"A user has at most {CONTACTS_A_USER} contacts"
    advice = "Delete a contact that is not needed, then repeat."


class EmailTaken(Conflict):
    """A living user, contact or customer has it; where a deleted one comes back, its address may be taken meanwhile."""

    slug = "email-taken"
    title = "The email address is taken"
    advice = "Use another address, or the user, contact or customer that has it."


class ContactNotVerified(Conflict):
    """Only a verified contact can be primary, an address excepted."""

    slug = "contact-not-verified"
    title = "Verify the contact first"
    advice = "Send a code and verify the contact, then make it primary."


class ContactAlreadyVerified(Conflict):
    """There is nothing left to prove."""

    slug = "contact-already-verified"
    title = "The contact is verified already"
    advice = "Go on: nothing has to be done."


class AddressNotVerifiable(Conflict):
    """Nobody can send a code to a postal address."""

    slug = "address-not-verifiable"
    title = "A postal address cannot be verified with a code"
    advice = "Use the address as it is."


class PrimaryContact(Conflict):
    """The primary contact stays as it is while others could take its place."""

    slug = "primary-contact"
    title = "This is the primary contact; make another one primary first"
    advice = "Make another contact of this type primary, then repeat."


class InvalidCode(DomainError):
    """The code is wrong, used, expired or was never sent: the answer is the same."""

    slug = "invalid-code"
    status = 422
    title = "The code is not valid; ask for a new one"
    advice = "Ask for a new code and send that one."


class TooManyCodes(DomainError):
    """A contact gets one code a minute and five an hour, and so does an address or number under all of them."""

    slug = "too-many-codes"
    status = 429
    title = "A code can be sent once a minute and five times an hour"
    advice = "Wait as long as Retry-After says; the last code sent is still good."

    def __init__(self, seconds: int) -> None:
        super().__init__(headers={"Retry-After": str(max(1, seconds))})


@dataclass(kw_only=True)
class Contact(Aggregate):
    """The aggregate root. `code_requests` are the times a code was asked for in the last hour."""

    user_id: UUID
    value: ContactValue
    label: str | None = None
    is_primary: bool = False
    verified_at: datetime | None = None
    code_requests: list[datetime] = field(default_factory=list[datetime])

    @property
    def type(self) -> ContactType:
        """Which kind of value it holds."""
        return type_of(self.value)

    @property
    def is_verified(self) -> bool:
        """Whether its owner has proved it."""
        return self.verified_at is not None

    def relabel(self, label: str | None) -> None:
        """Call it something else."""
        self.label = label

    def change_value(self, value: ContactValue) -> None:
        """Put another value of the same type in; what was proved of the old one is void."""
        if type_of(value) is not self.type:
            raise invalid_field(f"/{type_of(value)}", "not-of-type", f"A contact of type {self.type} keeps its type")
        if value == self.value:
            return
        if self.is_primary and self.type is not ContactType.ADDRESS:
            raise PrimaryContact
        self.value = value
        self.verified_at = None

    @property
    def value_key(self) -> str:
        """Its value in the form by which two spellings are one; a postal address has none."""
        return self.value.canonical if isinstance(self.value, Email) else str(self.value)

    def request_code(self, now: datetime, earlier: Sequence[datetime] = (), *, is_sent: bool = True) -> None:
        """Ask for a code; the mail's reaction makes it.

        `earlier` are the requests its user made for the same value, whichever contact had it. One that is not sent,
        because others have asked for too many, counts all the same: it must not tell of the others.
        """
        if isinstance(self.value, Address):
            raise AddressNotVerifiable
        self._require_unverified()
        self._require_room_for_a_code(now, earlier)
        self.code_requests.append(now)
        if not is_sent:
            return
        self.record(
            ContactCodeRequested(
                contact_id=self.id,
                user_id=self.user_id,
                type="email" if isinstance(self.value, Email) else "phone",
                value=str(self.value),
            )
        )

    def verify(self, now: datetime) -> None:
        """The right code was given."""
        if isinstance(self.value, Address):
            raise AddressNotVerifiable
        self._require_unverified()
        self.verified_at = now
        self.code_requests.clear()
        self.record(
            ContactVerified(
                contact_id=self.id,
                user_id=self.user_id,
                type="email" if isinstance(self.value, Email) else "phone",
                value=str(self.value),
                is_primary=self.is_primary,
            )
        )

    def make_primary(self) -> None:
        """Become the one contact of its type that is used first; told when it was not. Nobody copies addresses."""
        if not self.is_verified and self.type is not ContactType.ADDRESS:
            raise ContactNotVerified
        if not self.is_primary and not isinstance(self.value, Address):
            self.record(
                ContactMadePrimary(
                    contact_id=self.id,
                    user_id=self.user_id,
                    type="email" if isinstance(self.value, Email) else "phone",
                    value=str(self.value),
                )
            )
        self.is_primary = True

    def demote(self) -> None:
        """Leave the first place to another one."""
        self.is_primary = False

    def delete(self, now: datetime, *, others: bool) -> None:
        """Soft-delete; the primary one only when there are no `others` of its type."""
        if self.is_primary and others:
            raise PrimaryContact
        self.is_primary = False
        self.deleted_at = now

    def restore(self) -> None:
        """Bring it back, not as primary."""
        self.deleted_at = None

    def _require_unverified(self) -> None:
        """Raise `ContactAlreadyVerified` when there is nothing left to prove."""
        if self.is_verified:
            raise ContactAlreadyVerified

    def _require_room_for_a_code(self, now: datetime, earlier: Sequence[datetime]) -> None:
        self.code_requests = [moment for moment in self.code_requests if now - moment < MEMORY]
        wait = wait_for_code((*self.code_requests, *earlier), now)
        if wait > timedelta(0):
            raise TooManyCodes(ceil(wait / timedelta(seconds=1)))


def type_of(value: ContactValue) -> ContactType:
    """The contact type that holds such a value."""
    if isinstance(value, Email):
        return ContactType.EMAIL
    return ContactType.PHONE if isinstance(value, Phone) else ContactType.ADDRESS
