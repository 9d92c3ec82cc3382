"""The rules of a user."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from promenade_chassis.ports import InvalidTransition
from promenade_identity.user.entity import (
    LOCK_EVERY,
    LOCKS,
    RegistrationAttempt,
    User,
    UserStatus,
    lock_after,
)
from promenade_kernel.events.identity import (
    UserActivated,
    UserDeleted,
    UserInvited,
    UserLocked,
    UserRegistered,
    UserRegistrationRepeated,
    UserReinstated,
    UserRestored,
    UserRolesChanged,
    UserSuspended,
    UserVerificationRequested,
)
from promenade_kernel.values.email import Email
from promenade_kernel.values.permissions import PERMISSIONS, SYSTEM_ROLES

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
# Each command of the table as the entity gives it.
COMMANDS: dict[str, Callable[[User], None]] = {
    "verify": lambda user: user.verify(attempt_of(user), NOW),
    "suspend": lambda user: user.suspend(NOW + timedelta(days=1)),
    "reinstate": lambda user: user.reinstate(),
    "unlock": lambda user: user.unlock(),
    "change-roles": lambda user: user.change_roles(("manager",) if user.roles == ("user",) else ("user",)),
    "delete": lambda user: user.delete(NOW),
    "expire": lambda user: user.expire(NOW),
}
# The table of identity.md, written out a second time by hand.
LEADS_TO = {
    ("pending", "verify"): "active",
    ("pending", "change-roles"): "pending",
    ("pending", "delete"): "deleted",
    ("pending", "expire"): "deleted",
    ("active", "suspend"): "suspended",
    ("active", "unlock"): "active",
    ("active", "change-roles"): "active",
    ("active", "delete"): "deleted",
    ("suspended", "reinstate"): "active",
    ("suspended", "unlock"): "suspended",
    ("suspended", "change-roles"): "suspended",
    ("suspended", "delete"): "deleted",
}
PAIRS = list(product(UserStatus, COMMANDS))


def user_in(status: UserStatus) -> User:
    return User(email=Email("ada@example.com"), status=status)


def attempt_of(user: User) -> RegistrationAttempt:
    return RegistrationAttempt(user_id=user.id, password_hash="a hash", display_name="Ada", locale="en")


def test_the_table_has_no_command_that_is_not_tested() -> None:
    """Commands of the running table and those below are the same."""
    assert User.machine.table.keys() == COMMANDS.keys()


@pytest.mark.parametrize(("status", "command"), PAIRS, ids=lambda each: str(each))
def test_every_command_in_every_state(status: UserStatus, command: str) -> None:
    """A legal one leads where the contract says, an illegal one changes nothing and names the legal ones."""
    user = user_in(status)
    target = LEADS_TO.get((status.value, command))

    if target is not None:
        COMMANDS[command](user)
        assert user.status == target
        return

    with pytest.raises(InvalidTransition) as refusal:
        COMMANDS[command](user)
    assert user.status is status
    assert user.recorded() == ()
    assert refusal.value.extra == {"state": status.value, "allowed": user.allowed_actions}


@pytest.mark.parametrize("status", UserStatus)
def test_allowed_actions_are_what_an_administrator_may_do(status: UserStatus) -> None:
    """Exactly the commands that would succeed and that somebody can give."""
    expected = [command for command in COMMANDS if (status.value, command) in LEADS_TO]

    assert user_in(status).allowed_actions == [each for each in expected if each not in User.machine.internal]


def test_random_walks_keep_the_invariants() -> None:
    """After 10,000 random commands: the epoch never falls, one event a step, and who is deleted comes back the same."""
    chance = random.Random(20261122)
    user = user_in(UserStatus.PENDING)
    for _ in range(10_000):
        before = (user.status, user.authz_epoch, len(user.recorded()))
        command = chance.choice(list(COMMANDS))
        try:
            COMMANDS[command](user)
        except InvalidTransition:
            assert (user.status, user.authz_epoch, len(user.recorded())) == before
            continue
        assert user.authz_epoch >= before[1]
        # Locks are no facts of others' business.
        assert len(user.recorded()) == before[2] + (command != "unlock")
        assert user.is_deleted == (user.status is UserStatus.DELETED)
        assert (user.suspended_until is not None) <= (user.status in (UserStatus.SUSPENDED, UserStatus.DELETED))
        assert (user.deleted_from is not None) == user.is_deleted
        if user.is_deleted:
            user.restore(NOW)
            assert (user.status, user.deleted_at, user.deleted_from) == (before[0], None, None)
        if chance.random() < 0.1:
            user = user_in(UserStatus.PENDING)


def test_registering_records_all_that_a_lead_needs() -> None:
    """Address, name and locale; the attempt is named, its password hash is not."""
    user = user_in(UserStatus.PENDING)
    attempt = attempt_of(user)

    user.register(attempt)

    assert user.recorded() == (
        UserRegistered(user_id=user.id, attempt_id=attempt.id, email=user.email, display_name="Ada", locale="en"),
    )
    assert user.password_hash is None


@pytest.mark.parametrize("status", [UserStatus.PENDING, UserStatus.ACTIVE, UserStatus.SUSPENDED])
def test_registering_again_depends_on_whether_the_address_is_proved(status: UserStatus) -> None:
    """A pending user gets another code, others a notice."""
    user = user_in(status)
    attempt = attempt_of(user)

    user.register_again(attempt)

    wanted = UserVerificationRequested(user_id=user.id, attempt_id=attempt.id)
    told = UserRegistrationRepeated(user_id=user.id)
    assert user.recorded() == ((wanted if status is UserStatus.PENDING else told),)


def test_verifying_takes_over_what_the_attempt_brought() -> None:
    """Password, name and locale are those of the attempt whose code was given."""
    user = user_in(UserStatus.PENDING)

    user.verify(attempt_of(user), NOW)

    assert (user.password_hash, user.email_verified_at) == ("a hash", NOW)
    assert user.recorded() == (UserActivated(user_id=user.id, email=user.email, display_name="Ada", locale="en"),)


def test_suspending_makes_tokens_stale_and_reinstating_does_not() -> None:
    """The epoch rises when rights go, not when they come back."""
    user, until = user_in(UserStatus.ACTIVE), NOW + timedelta(days=3)

    user.suspend(until)
    suspended = (user.authz_epoch, user.suspended_until)
    user.reinstate()

    assert suspended == (1, until)
    assert (user.authz_epoch, user.suspended_until) == (1, None)
    assert user.recorded() == (UserSuspended(user_id=user.id, until=until), UserReinstated(user_id=user.id))


def test_another_password_makes_tokens_stale() -> None:
    """All access tokens given out before are of an older epoch."""
    user = user_in(UserStatus.ACTIVE)

    user.change_password("another hash")

    assert (user.password_hash, user.authz_epoch) == ("another hash", 1)


@pytest.mark.parametrize("end", [User.delete, User.expire])
def test_the_end_is_published_once(end: Callable[[User, datetime], None]) -> None:
    """Whether by command or by time, others learn that the user is gone."""
    user = user_in(UserStatus.PENDING)

    end(user, NOW)

    assert (user.deleted_at, user.authz_epoch) == (NOW, 1)
    assert user.recorded() == (UserDeleted(user_id=user.id),)


@pytest.mark.parametrize(
    ("failed", "minutes"),
    [(0, None), (1, None), (4, None), (5, 1), (6, None), (10, 2), (15, 4), (20, 8), (25, 15), (30, 15), (500, 15)],
)
def test_each_fifth_wrong_password_locks_longer(failed: int, minutes: int | None) -> None:
    """1 minute, doubling to 15."""
    assert lock_after(failed) == (None if minutes is None else timedelta(minutes=minutes))


def test_locks_never_get_shorter() -> None:
    """However many wrong passwords there are."""
    durations = [lock_after(n * LOCK_EVERY) or timedelta() for n in range(1, 100)]

    assert durations == sorted(durations)
    assert set(durations) == set(LOCKS)


def test_a_lock_ends_by_itself() -> None:
    """At its end, to the microsecond, it is over."""
    user, until = user_in(UserStatus.ACTIVE), NOW + timedelta(minutes=1)

    user.lock(until)

    assert user.is_locked(NOW)
    assert user.is_locked(until - timedelta(microseconds=1))
    assert not user.is_locked(until)
    assert user.recorded() == (UserLocked(user_id=user.id, until=until),)


def test_permissions_are_those_of_all_roles() -> None:
    """Roles that nobody knows give nothing."""
    user = user_in(UserStatus.ACTIVE)
    assert user.permissions == frozenset()

    user.roles = ("user", "manager", "forgotten")
    assert user.permissions == SYSTEM_ROLES["manager"] < frozenset(PERMISSIONS)

    user.roles = ("superadmin",)
    assert user.permissions == {"*:*"}


def test_an_invitation_says_what_he_is_and_starts_his_days_anew() -> None:
    """Roles and name of whoever invites count; the mail is asked for."""
    user = user_in(UserStatus.PENDING)

    user.invite(("manager",), "Ada", NOW)

    assert (user.status, user.roles, user.pending_since) == (UserStatus.PENDING, ("manager",), NOW)
    assert user.recorded() == (UserInvited(user_id=user.id, email=user.email),)


def test_accepting_an_invitation_proves_the_address() -> None:
    """With the first password, under the name he was invited by; the roles are those of the invitation."""
    user = user_in(UserStatus.PENDING)
    user.invite(("manager",), "Ada", NOW)

    user.accept_invitation("a hash", NOW)

    assert (user.status, user.password_hash, user.email_verified_at) == (UserStatus.ACTIVE, "a hash", NOW)
    assert user.roles == ("manager",)
    assert user.recorded()[1:] == (UserActivated(user_id=user.id, email=user.email, display_name="Ada"),)


def test_other_roles_make_tokens_stale_and_the_same_ones_do_not() -> None:
    """Their order does not count; the event says what he was and what he is."""
    user = user_in(UserStatus.ACTIVE)

    user.change_roles(("manager", "user"))
    user.change_roles(("user", "manager"))

    assert user.authz_epoch == 1
    told = UserRolesChanged(user_id=user.id, roles=["manager", "user"], roles_before=["user"])
    assert user.recorded() == (told,)


@pytest.mark.parametrize("status", [UserStatus.PENDING, UserStatus.ACTIVE, UserStatus.SUSPENDED])
def test_a_restored_user_is_what_he_was(status: UserStatus) -> None:
    """Others learn of it; the epoch stays, so that no token of his earlier life counts again."""
    user = user_in(status)
    user.delete(NOW)

    user.restore(NOW + timedelta(days=30))

    assert (user.status, user.deleted_at, user.authz_epoch) == (status, None, 1)
    assert user.recorded()[1:] == (UserRestored(user_id=user.id, email=user.email, status=status.value),)
    assert (user.pending_since is not None) == (status is UserStatus.PENDING)


@pytest.mark.parametrize(("password_hash", "status"), [(None, UserStatus.PENDING), ("a hash", UserStatus.ACTIVE)])
def test_who_was_deleted_before_it_was_noted_comes_back_by_his_password(
    password_hash: str | None, status: UserStatus
) -> None:
    """Without one he had not proved his address yet."""
    user = user_in(UserStatus.DELETED)
    user.password_hash, user.deleted_at = password_hash, NOW

    user.restore(NOW)

    assert user.status is status


def test_a_suspension_has_a_reason_while_it_lasts() -> None:
    """Staff read it; with the suspension it is over."""
    user = user_in(UserStatus.ACTIVE)

    user.suspend(NOW, "Left the company")
    reason = user.suspension_reason
    user.reinstate()

    assert (reason, user.suspension_reason) == ("Left the company", None)


def test_unlocking_forgets_wrong_passwords_of_a_suspended_user_too() -> None:
    """Both are facts of their own: he stays suspended."""
    user = user_in(UserStatus.SUSPENDED)
    user.failed_logins, user.locked_until = 7, NOW

    user.unlock()

    assert (user.failed_logins, user.locked_until, user.status) == (0, None, UserStatus.SUSPENDED)
