"""Users and their registration attempts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values.email import Email

from promenade_identity.revocation.entity import Revocation
from promenade_identity.user.entity import (
    LOCK_EVERY,
    LOCKS,
    RegistrationAttempt,
    User,
    UserStatus,
    WrongPassword,
)
from promenade_identity.user.repository import USERS, UserFilter

# The one place that leaves deleted users out.
_LIVING = 'SELECT * FROM "user" WHERE deleted_at IS NULL'
_GET_WITH_DELETED = 'SELECT * FROM "user" WHERE id = %(id)s'
_GET = _LIVING + " AND id = %(id)s"
# Shared: sign-ins of the same user wait for it, other readers of the row do not.
_HOLD = 'SELECT 1 FROM "user" WHERE deleted_at IS NULL AND id = %(id)s FOR SHARE'
_OF_EMAIL = _LIVING + " AND email_key = %(email_key)s"
# With the row: who has it may also be changed by those who do not ask for his address, and 409 would tell of him.
_HOLD_OF_EMAIL = _OF_EMAIL + " FOR NO KEY UPDATE"
# A row that is not there yet cannot be locked, an address can.
_HOLD_ADDRESS = "SELECT pg_advisory_xact_lock(hashtextextended(%(email_key)s, 1))"
_PENDING_SINCE = (
    _LIVING
    + """
 AND status = 'pending' AND coalesce(pending_since, created_at) < %(moment)s
ORDER BY coalesce(pending_since, created_at) LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
)
_SUSPENDED_UNTIL = (
    _LIVING
    + """
 AND status = 'suspended' AND suspended_until <= %(moment)s
ORDER BY suspended_until LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
)
# Whoever takes a superadmin away waits here for the others who do, and then sees what they have left.
_HOLD_SUPERADMINS = "SELECT pg_advisory_xact_lock(hashtextextended('superadmins', 2))"
_OTHER_SUPERADMIN = _LIVING + " AND status = 'active' AND 'superadmin' = ANY (roles) AND id <> %(id)s LIMIT 1"
# Case folded as Unicode says, whatever the database's own collation knows.
_NAMED = """
EXISTS (SELECT 1 FROM profile WHERE profile.user_id = "user".id AND profile.deleted_at IS NULL AND strpos(
    casefold(profile.display_name COLLATE "pg_unicode_fast"), casefold(%(q)s::text COLLATE "pg_unicode_fast")) > 0)
"""
LIST = ListStatement(
    USERS,
    select=_LIVING,
    where={
        "status": "status = %(status)s",
        "role": "%(role)s = ANY (roles)",
        "q": '(strpos(email_key, casefold(%(q)s::text COLLATE "pg_unicode_fast")) > 0 OR ' + _NAMED + ")",
    },
    sorts={"created_at": "created_at", "last_login_at": "last_login_at", "email": "email"},
)
_INSERT = """
INSERT INTO "user" (id, email, email_key, status, roles, password_hash, email_verified_at, is_invited, invited_name,
                    pending_since, suspended_until, suspension_reason, deleted_from, authz_epoch, version,
                    last_sequence, created_at, updated_at)
VALUES (%(id)s, %(email)s, %(email_key)s, %(status)s, %(roles)s, %(password_hash)s, %(email_verified_at)s,
        %(is_invited)s, %(invited_name)s, %(pending_since)s, %(suspended_until)s, %(suspension_reason)s,
        %(deleted_from)s, %(authz_epoch)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE "user"
SET email = %(email)s, email_key = %(email_key)s, status = %(status)s, roles = %(roles)s,
    password_hash = %(password_hash)s, email_verified_at = %(email_verified_at)s, is_invited = %(is_invited)s,
    invited_name = %(invited_name)s, pending_since = %(pending_since)s, suspended_until = %(suspended_until)s,
    suspension_reason = %(suspension_reason)s, deleted_from = %(deleted_from)s, authz_epoch = %(authz_epoch)s,
    version = %(version)s, last_sequence = %(last_sequence)s, updated_at = %(updated_at)s, deleted_at = %(deleted_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
# One statement, so that parallel ones are counted one after the other. Locked already: counted, lengthening nothing.
_COUNT_WRONG = """
UPDATE "user"
SET failed_logins = failed_logins + 1,
    locked_until = CASE
        WHEN (failed_logins + 1) %% %(every)s = 0 AND (locked_until IS NULL OR locked_until <= %(now)s)
        THEN %(now)s + (%(locks)s::interval[])[least((failed_logins + 1) / %(every)s, %(longest)s)]
        ELSE locked_until END
WHERE id = %(id)s AND deleted_at IS NULL
RETURNING failed_logins, locked_until, failed_logins %% %(every)s = 0
    AND locked_until = %(now)s + (%(locks)s::interval[])[least(failed_logins / %(every)s, %(longest)s)] AS locks
"""
_NOTE_LOGIN = """
UPDATE "user"
SET failed_logins = 0, locked_until = NULL, last_login_at = %(now)s,
    password_hash = coalesce(%(new_hash)s, password_hash)
WHERE id = %(id)s AND status = 'active' AND password_hash = %(password_hash)s
  AND (locked_until IS NULL OR locked_until <= %(now)s)
"""
_UNLOCK = 'UPDATE "user" SET failed_logins = 0, locked_until = NULL WHERE id = %(id)s'
_IS_HELD = _LIVING + " AND roles @> ARRAY[%(role)s] LIMIT 1"
# In the order of the ids, so that of two at once one waits for the other. A new version: what somebody read before
# must not write the old epoch back.
_RAISE_EPOCHS = """
WITH held AS (SELECT id FROM "user" WHERE roles @> ARRAY[%(role)s] ORDER BY id FOR NO KEY UPDATE)
UPDATE "user" SET authz_epoch = authz_epoch + 1, version = version + 1, updated_at = %(now)s
FROM held WHERE "user".id = held.id
RETURNING "user".id, authz_epoch, deleted_at
"""
_FORGET_ROLE = """
WITH held AS (
    SELECT id FROM "user" WHERE deleted_at IS NOT NULL AND roles @> ARRAY[%(role)s] ORDER BY id FOR NO KEY UPDATE
)
UPDATE "user" SET roles = array_remove(roles, %(role)s), version = version + 1, updated_at = %(now)s
FROM held WHERE "user".id = held.id
"""
_ADD_ATTEMPT = """
INSERT INTO registration_attempt (id, user_id, password_hash, display_name, locale, created_at)
VALUES (%(id)s, %(user_id)s, %(password_hash)s, %(display_name)s, %(locale)s, %(created_at)s)
"""
_ATTEMPTS = "SELECT * FROM registration_attempt WHERE user_id = %(user_id)s ORDER BY id DESC"
_KEEP_NEWEST = """
DELETE FROM registration_attempt WHERE user_id = %(user_id)s AND id NOT IN (
    SELECT id FROM registration_attempt WHERE user_id = %(user_id)s ORDER BY id DESC LIMIT %(count)s)
"""
_DROP_ATTEMPTS = "DELETE FROM registration_attempt WHERE user_id = %(user_id)s"


class PostgresUsers(BaseRepository):
    """The users of the service's own database."""

    async def add(self, user: User) -> None:
        """Store a new user whose address is held."""
        await self._insert(user, _INSERT, **_columns(user))

    async def save(self, user: User) -> None:
        """Store a change; raises `StaleVersion`."""
        await self._update(user, _UPDATE, **_columns(user))

    async def get(self, user_id: UUID) -> User:
        """A living user; raises `NotFound`."""
        found = await self.find(user_id)
        if found is None:
            raise NotFound("There is no such user")
        return found

    async def find(self, user_id: UUID) -> User | None:
        """A living user, or None."""
        row = await self._fetch_one(_GET, id=user_id)
        return _to_user(row) if row else None

    async def get_with_deleted(self, user_id: UUID) -> User:
        """A user, living or deleted; raises `NotFound`."""
        row = await self._fetch_one(_GET_WITH_DELETED, id=user_id)
        if row is None:
            raise NotFound("There is no such user")
        return _to_user(row)

    async def list(self, wanted: UserFilter, page: PageRequest) -> Page[User]:
        """A page of the living users, as `USERS` declares the list."""
        rows = await self._fetch_listed(LIST, wanted, page)
        return USERS.cut([_to_user(row) for row in rows], page)

    async def hold(self, user_id: UUID) -> bool:
        """Whether there is such a living user; he then lives until the transaction ends."""
        return await self._write_one(_HOLD, id=user_id) is not None

    async def find_by_email(self, email: Email) -> User | None:
        """The living user of an address, however it is spelled."""
        row = await self._fetch_one(_OF_EMAIL, email_key=email.canonical)
        return _to_user(row) if row else None

    async def hold_address(self, email: Email) -> User | None:
        """As `find_by_email`; until the transaction ends nobody else takes the address or changes its user."""
        await self._execute(_HOLD_ADDRESS, email_key=email.canonical)
        row = await self._write_one(_HOLD_OF_EMAIL, email_key=email.canonical)
        return _to_user(row) if row else None

    async def count_wrong_password(self, user_id: UUID, now: datetime) -> WrongPassword | None:
        """Count in one step, so that none of many at once is lost, and lock when it is time (`lock_after`)."""
        row = await self._write_one(
            _COUNT_WRONG, id=user_id, now=now, every=LOCK_EVERY, locks=list(LOCKS), longest=len(LOCKS)
        )
        if row is None:
            return None
        return WrongPassword(row["failed_logins"], row["locked_until"] if row["locks"] else None)

    async def note_login(self, user: User, now: datetime, new_hash: str | None = None) -> bool:
        """Forget the wrong passwords; False when he was locked, suspended or changed his password meanwhile."""
        named = {"id": user.id, "password_hash": user.password_hash, "new_hash": new_hash}
        return await self._execute(_NOTE_LOGIN, now=now, **named) == 1

    async def unlock(self, user_id: UUID) -> None:
        """Forget the wrong passwords, and the lock with them."""
        await self._execute(_UNLOCK, id=user_id)

    async def hold_other_superadmin(self, user_id: UUID) -> bool:
        """Whether anybody else is an active superadmin; until the transaction ends nobody takes one away."""
        await self._execute(_HOLD_SUPERADMINS)
        return await self._fetch_one(_OTHER_SUPERADMIN, id=user_id) is not None

    async def hold_pending_since(self, moment: datetime, limit: int) -> Sequence[User]:
        """Users pending since before a moment, held; those held by others are left out."""
        return [_to_user(row) for row in await self._fetch_all(_PENDING_SINCE, moment=moment, limit=limit)]

    async def hold_suspended_until(self, moment: datetime, limit: int) -> Sequence[User]:
        """Users whose suspension ends at a moment or before, held; those held by others are left out."""
        return [_to_user(row) for row in await self._fetch_all(_SUSPENDED_UNTIL, moment=moment, limit=limit)]


class PostgresHolders(BaseRepository):
    """The roles of users, looked at from the roles' side."""

    async def any(self, role: str) -> bool:
        """Whether a living user has it."""
        return await self._fetch_one(_IS_HELD, role=role) is not None

    async def raise_epochs(self, role: str, now: datetime) -> Sequence[Revocation]:
        """Make the access tokens of all who have it stale; answers the revocations that tell so."""
        cursor = await self._database.writing_connection().execute(_RAISE_EPOCHS, {"role": role, "now": now})
        return [
            Revocation.of_epochs_before(row["authz_epoch"], row["id"], now)
            for row in await cursor.fetchall()
            if row["deleted_at"] is None
        ]

    async def forget(self, role: str, now: datetime) -> None:
        """Take it from deleted users: none shall come back with a later role of the same name."""
        await self._execute(_FORGET_ROLE, role=role, now=now)


class PostgresAttempts(BaseRepository):
    """One row a call of register."""

    async def add(self, attempt: RegistrationAttempt) -> None:
        """Store an attempt."""
        await self._execute(
            _ADD_ATTEMPT,
            id=attempt.id,
            user_id=attempt.user_id,
            password_hash=attempt.password_hash,
            display_name=attempt.display_name,
            locale=attempt.locale,
            created_at=attempt.created_at,
        )

    async def of_user(self, user_id: UUID) -> list[RegistrationAttempt]:
        """A user's attempts, newest first."""
        return [RegistrationAttempt(**row) for row in await self._fetch_all(_ATTEMPTS, user_id=user_id)]

    async def keep_newest(self, user_id: UUID, count: int) -> None:
        """Forget a user's attempts but so many."""
        await self._execute(_KEEP_NEWEST, user_id=user_id, count=count)

    async def drop(self, user_id: UUID) -> None:
        """Forget a user's attempts."""
        await self._execute(_DROP_ATTEMPTS, user_id=user_id)


def _columns(user: User) -> Row:
    return {
        "email": str(user.email),
        "email_key": user.email.canonical,
        "status": user.status,
        "roles": list(user.roles),
        "password_hash": user.password_hash,
        "email_verified_at": user.email_verified_at,
        "is_invited": user.is_invited,
        "invited_name": user.invited_name,
        "pending_since": user.pending_since,
        "suspension_reason": user.suspension_reason,
        "deleted_from": user.deleted_from,
        "suspended_until": user.suspended_until,
        "authz_epoch": user.authz_epoch,
    }


def _to_user(row: Row) -> User:
    fields: Row = {**row, "email": Email.trusted(row["email"]), "status": UserStatus(row["status"])}
    fields["roles"] = tuple(row["roles"])
    fields["deleted_from"] = UserStatus(row["deleted_from"]) if row["deleted_from"] is not None else None
    del fields["email_key"]
    return User(**fields)
