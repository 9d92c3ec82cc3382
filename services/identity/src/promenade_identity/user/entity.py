"""A user: who may sign in, as what, and the states he goes through."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal, cast
from uuid import UUID

from promenade_chassis.ports import Aggregate, StateMachine, Unauthenticated, utc_now
from promenade_kernel.events.identity import (
    UserActivated,
    UserDeleted,
    UserInvited,
    UserLocked,
    UserPasswordChanged,
    UserPasswordResetRequested,
    UserRegistered,
    UserRegistrationRepeated,
    UserReinstated,
    UserRestored,
    UserRolesChanged,
    UserSuspended,
    UserVerificationRequested,
)
from promenade_kernel.values.email import Email
from promenade_kernel.values.ids import new_id

LivingStatus = Literal["pending", "active", "suspended"]
REGISTERED_ROLES = ("user",)
SUPERADMIN = "superadmin"
PENDING_LIFETIME = timedelta(days=7)
LOCK_EVERY = 5
LOCKS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15))


class UserStatus(StrEnum):
    """Where a user stands."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


_MACHINE = StateMachine[UserStatus](
    table={
        "verify": {UserStatus.PENDING: UserStatus.ACTIVE},
        "suspend": {UserStatus.ACTIVE: UserStatus.SUSPENDED},
        "reinstate": {UserStatus.SUSPENDED: UserStatus.ACTIVE},
        # Being locked is a fact of its own, and who has a password can be locked.
        "unlock": {UserStatus.ACTIVE: UserStatus.ACTIVE, UserStatus.SUSPENDED: UserStatus.SUSPENDED},
        "change-roles": {
            UserStatus.PENDING: UserStatus.PENDING,
            UserStatus.ACTIVE: UserStatus.ACTIVE,
            UserStatus.SUSPENDED: UserStatus.SUSPENDED,
        },
        "delete": {
            UserStatus.PENDING: UserStatus.DELETED,
            UserStatus.ACTIVE: UserStatus.DELETED,
            UserStatus.SUSPENDED: UserStatus.DELETED,
        },
        "expire": {UserStatus.PENDING: UserStatus.DELETED},
    },
    # Verifying takes a code from the mail, expiring the passage of time.
    internal=frozenset({"verify", "expire"}),
)


class AccountSuspended(Unauthenticated):
    """The user may do nothing until reinstated."""

    slug = "account-suspended"
    title = "The account is suspended"
    advice = "Nothing in the client helps; somebody of the staff can reinstate the user."


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrationAttempt:
    """What one call of register brought along; counts only once its own code has proved the address."""

    user_id: UUID
    password_hash: str
    display_name: str | None = None
    locale: str | None = None
    id: UUID = field(default_factory=new_id)
    created_at: datetime = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True)
class WrongPassword:
    """The count after a wrong password, and until when it locked the account, if it did."""

    failed_logins: int
    locks_until: datetime | None


@dataclass(kw_only=True)
class User(Aggregate):
    """The aggregate root. The facts of signing in (last three fields) are read here and written by the repository.

    `pending_since` None means since he was created; `deleted_from` is the state that a deleted user returns to.
    """

    machine: ClassVar[StateMachine[UserStatus]] = _MACHINE

    email: Email
    status: UserStatus = UserStatus.PENDING
    roles: tuple[str, ...] = REGISTERED_ROLES
    password_hash: str | None = None
    email_verified_at: datetime | None = None
    is_invited: bool = False
    invited_name: str | None = None
    pending_since: datetime | None = None
    suspended_until: datetime | None = None
    suspension_reason: str | None = None
    deleted_from: UserStatus | None = None
    authz_epoch: int = 0
    failed_logins: int = 0
    locked_until: datetime | None = None
    last_login_at: datetime | None = None

    @property
    def allowed_actions(self) -> list[str]:
        """What an administrator may do with the user next."""
        return self.machine.allowed(self.status)

    @property
    def awaits_invited(self) -> bool:
        """Whether only the invitation's code makes him active: a stranger's attempt must not get the roles with it."""
        return self.is_invited and self.status is UserStatus.PENDING

    def is_locked(self, now: datetime) -> bool:
        """Whether wrong passwords have locked him."""
        return self.locked_until is not None and now < self.locked_until

    def register(self, attempt: RegistrationAttempt) -> None:
        """Come into being by a first attempt."""
        self.record(
            UserRegistered(
                user_id=self.id,
                attempt_id=attempt.id,
                email=self.email,
                display_name=attempt.display_name,
                locale=attempt.locale,
            )
        )

    def register_again(self, attempt: RegistrationAttempt) -> None:
        """Somebody registered the address again; a user who has proved it is told so, without a code."""
        if self.awaits_invited:
            self.invite_again()
        elif self.status is UserStatus.PENDING:
            self.record(UserVerificationRequested(user_id=self.id, attempt_id=attempt.id))
        else:
            self.record(UserRegistrationRepeated(user_id=self.id))

    def request_verification(self) -> None:
        """Ask for the mail once more."""
        if self.awaits_invited:
            self.invite_again()
        else:
            self.record(UserVerificationRequested(user_id=self.id))

    def verify(self, attempt: RegistrationAttempt, now: datetime) -> None:
        """The code of an attempt was given: its data become the user's."""
        self._move("verify")
        self.password_hash = attempt.password_hash
        self.email_verified_at = now
        self.record(
            UserActivated(user_id=self.id, email=self.email, display_name=attempt.display_name, locale=attempt.locale)
        )

    def invite(self, roles: tuple[str, ...], name: str | None, now: datetime) -> None:
        """Staff want a pending user to come in, as what they say; his days count from now. `name` None: as it was."""
        self.is_invited, self.invited_name = True, name or self.invited_name
        self.roles, self.pending_since = roles, now
        self.invite_again()

    def invite_again(self) -> None:
        """Ask for the mail of the invitation; each has a code of its own."""
        self.record(UserInvited(user_id=self.id, email=self.email))

    def accept_invitation(self, password_hash: str, now: datetime) -> None:
        """The code of the invitation was given: it proves the address and sets the first password."""
        self.verify(
            RegistrationAttempt(user_id=self.id, password_hash=password_hash, display_name=self.invited_name), now
        )

    def appoint(self, password_hash: str, roles: tuple[str, ...], now: datetime) -> None:
        """Make a new user active at once, by the operator's word instead of a code."""
        self.roles = roles
        self.verify(RegistrationAttempt(user_id=self.id, password_hash=password_hash), now)

    def request_password_reset(self) -> None:
        """Ask for a code that sets another password."""
        self.record(UserPasswordResetRequested(user_id=self.id))

    def change_password(self, password_hash: str) -> None:
        """Put another password in the old one's place; all access tokens become stale."""
        self.password_hash = password_hash
        self.raise_epoch()
        self.record(UserPasswordChanged(user_id=self.id))

    def lock(self, until: datetime) -> None:
        """Tell that wrong passwords have locked the account."""
        self.locked_until = until
        self.record(UserLocked(user_id=self.id, until=until))

    def suspend(self, until: datetime | None = None, reason: str | None = None) -> None:
        """Take away everything until reinstated, or until a moment."""
        self._move("suspend")
        self.suspended_until, self.suspension_reason = until, reason
        self.raise_epoch()
        self.record(UserSuspended(user_id=self.id, until=until))

    def reinstate(self) -> None:
        """Give it back."""
        self._move("reinstate")
        self.suspended_until = self.suspension_reason = None
        self.record(UserReinstated(user_id=self.id))

    def unlock(self) -> None:
        """Make wrong passwords forgotten, and the lock with them; the repository writes it (`Users.unlock`)."""
        self._move("unlock")
        self.failed_logins, self.locked_until = 0, None

    def change_roles(self, roles: tuple[str, ...]) -> None:
        """Be something else; tokens that say what he was become stale. The same roles again change nothing."""
        self._move("change-roles")
        if set(roles) == set(self.roles):
            return
        before, self.roles = self.roles, roles
        self.raise_epoch()
        self.record(UserRolesChanged(user_id=self.id, roles=list(roles), roles_before=list(before)))

    def delete(self, now: datetime) -> None:
        """End the user; the address is free again."""
        self._end("delete", now)

    def expire(self, now: datetime) -> None:
        """End a user who never proved the address."""
        self._end("expire", now)

    def restore(self, now: datetime) -> None:
        """Come back as what he was when he was deleted; a pending user has all his days again."""
        # Users deleted before it was noted: who has no password was pending.
        known = UserStatus.PENDING if self.password_hash is None else UserStatus.ACTIVE
        self.status = self.deleted_from or known
        told = cast("LivingStatus", self.status.value)
        self.deleted_at = self.deleted_from = None
        if self.status is UserStatus.PENDING:
            self.pending_since = now
        self.record(UserRestored(user_id=self.id, email=self.email, status=told))

    def raise_epoch(self) -> None:
        """Make all access tokens given out so far stale."""
        self.authz_epoch += 1

    def _end(self, command: str, now: datetime) -> None:
        before = self.status
        self._move(command)
        self.deleted_at, self.deleted_from = now, before
        self.raise_epoch()
        self.record(UserDeleted(user_id=self.id))

    def _move(self, command: str) -> None:
        self.status = self.machine.next_state(self.status, command)


def lock_after(failed_logins: int) -> timedelta | None:
    """How long that many wrong passwords lock an account which is not locked: each 5th, 1 minute doubling to 15."""
    if failed_logins == 0 or failed_logins % LOCK_EVERY:
        return None
    return LOCKS[min(failed_logins // LOCK_EVERY, len(LOCKS)) - 1]
