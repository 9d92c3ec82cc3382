"""What identity publishes: users, and the contacts they proved to own. Never a code, token or secret."""

from typing import Literal
from uuid import UUID

from promenade_kernel.events.registry import Event, Instant, event
from promenade_kernel.values.email import Email

CONTEXT = "identity"


@event("user.registered.v1", context=CONTEXT)
class UserRegistered(Event, frozen=True, kw_only=True):
    """Somebody registered an address that had no account. The address is not proved yet."""

    user_id: UUID
    attempt_id: UUID | None = None
    email: Email | None = None
    display_name: str | None = None
    locale: str | None = None


@event("user.verification-requested.v1", context=CONTEXT)
class UserVerificationRequested(Event, frozen=True, kw_only=True):
    """A pending user needs a new mail: registered again (`attempt_id` says which attempt) or asked to resend."""

    user_id: UUID
    attempt_id: UUID | None = None


@event("user.registration-repeated.v1", context=CONTEXT)
class UserRegistrationRepeated(Event, frozen=True, kw_only=True):
    """Somebody registered an address that has an active account; its owner is told by mail."""

    user_id: UUID


@event("user.activated.v1", context=CONTEXT)
class UserActivated(Event, frozen=True, kw_only=True):
    """A user proved the address; `display_name` and `locale` are those of the attempt that was proved."""

    user_id: UUID
    email: Email
    display_name: str | None = None
    locale: str | None = None


@event("user.invited.v1", context=CONTEXT)
class UserInvited(Event, frozen=True, kw_only=True):
    """Staff invited an address; the mail's reaction makes the code that sets its first password."""

    user_id: UUID
    email: Email


@event("user.roles-changed.v1", context=CONTEXT)
class UserRolesChanged(Event, frozen=True, kw_only=True):
    """A user has other roles than before; older access tokens of his are stale."""

    user_id: UUID
    roles: list[str]
    roles_before: list[str]


@event("user.locked.v1", context=CONTEXT)
class UserLocked(Event, frozen=True, kw_only=True):
    """Wrong passwords locked an account for a while; its owner is told by mail."""

    user_id: UUID
    until: Instant


@event("user.password-reset-requested.v1", context=CONTEXT)
class UserPasswordResetRequested(Event, frozen=True, kw_only=True):
    """A user forgot the password; the mail's reaction makes the code."""

    user_id: UUID


@event("user.password-changed.v1", context=CONTEXT)
class UserPasswordChanged(Event, frozen=True, kw_only=True):
    """A user has another password; the owner of the address is told by mail."""

    user_id: UUID


@event("user.suspended.v1", context=CONTEXT)
class UserSuspended(Event, frozen=True, kw_only=True):
    """A user may do nothing until reinstated, or until the time given."""

    user_id: UUID
    until: Instant | None = None


@event("user.reinstated.v1", context=CONTEXT)
class UserReinstated(Event, frozen=True, kw_only=True):
    """A suspended user may work again."""

    user_id: UUID


@event("user.deleted.v1", context=CONTEXT)
class UserDeleted(Event, frozen=True, kw_only=True):
    """A user is gone; the address is free again."""

    user_id: UUID


@event("user.restored.v1", context=CONTEXT)
class UserRestored(Event, frozen=True, kw_only=True):
    """A deleted user is back, as what he was when he was deleted."""

    user_id: UUID
    email: Email
    status: Literal["pending", "active", "suspended"]


@event("profile.updated.v1", context=CONTEXT)
class ProfileUpdated(Event, frozen=True, kw_only=True):
    """A user tells something else about himself; all that others copy, as it is now. The subject is the profile."""

    profile_id: UUID
    user_id: UUID
    display_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None


@event("contact.code-requested.v1", context=CONTEXT)
class ContactCodeRequested(Event, frozen=True, kw_only=True):
    """A user wants to prove a contact; `value` is the address or number the code goes to."""

    contact_id: UUID
    user_id: UUID
    type: Literal["email", "phone"]
    value: str


@event("contact.verified.v1", context=CONTEXT)
class ContactVerified(Event, frozen=True, kw_only=True):
    """A user proved to own an email address or a phone number."""

    contact_id: UUID
    user_id: UUID
    type: Literal["email", "phone"]
    value: str
    is_primary: bool


@event("contact.made-primary.v1", context=CONTEXT)
class ContactMadePrimary(Event, frozen=True, kw_only=True):
    """A verified email address or phone number became the one that is used first; the one before no longer is.

    One that is primary when it is verified is told by `contact.verified` alone.
    """

    contact_id: UUID
    user_id: UUID
    type: Literal["email", "phone"]
    value: str
