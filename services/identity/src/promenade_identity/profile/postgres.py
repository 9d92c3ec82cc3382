"""Profiles in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from promenade_chassis.ports import NotFound
from promenade_chassis.repository import BaseRepository, Row
from promenade_kernel.values.address import Country

from promenade_identity.profile.entity import Profile

# The one place that leaves deleted profiles out.
_LIVING = "SELECT * FROM profile WHERE deleted_at IS NULL"
_OF_USER = _LIVING + " AND user_id = %(user_id)s"
_INSERT = """
INSERT INTO profile (id, user_id, display_name, given_name, family_name, bio, avatar_url, date_of_birth, locale,
                     timezone, country, links, is_public, version, last_sequence, created_at, updated_at)
VALUES (%(id)s, %(user_id)s, %(display_name)s, %(given_name)s, %(family_name)s, %(bio)s, %(avatar_url)s,
        %(date_of_birth)s, %(locale)s, %(timezone)s, %(country)s, %(links)s, %(is_public)s, %(version)s,
        %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE profile
SET display_name = %(display_name)s, given_name = %(given_name)s, family_name = %(family_name)s, bio = %(bio)s,
    avatar_url = %(avatar_url)s, date_of_birth = %(date_of_birth)s, locale = %(locale)s, timezone = %(timezone)s,
    country = %(country)s, links = %(links)s, is_public = %(is_public)s, version = %(version)s,
    last_sequence = %(last_sequence)s, updated_at = %(updated_at)s, deleted_at = %(deleted_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
_NAMES = """
SELECT user_id, display_name FROM profile WHERE deleted_at IS NULL AND user_id = ANY (%(user_ids)s)
"""
_DELETE_WITH = """
UPDATE profile SET deleted_at = %(moment)s, updated_at = %(moment)s, version = version + 1
WHERE user_id = %(user_id)s AND deleted_at IS NULL
"""
_RESTORE_WITH = """
UPDATE profile SET deleted_at = NULL, updated_at = now(), version = version + 1
WHERE user_id = %(user_id)s AND deleted_at = %(moment)s
"""


class PostgresProfiles(BaseRepository):
    """The profiles of the service's own database."""

    async def add(self, profile: Profile) -> None:
        """Store the profile of a new user."""
        await self._insert(profile, _INSERT, **_columns(profile))

    async def save(self, profile: Profile) -> None:
        """Store a change; raises `StaleVersion`."""
        await self._update(profile, _UPDATE, **_columns(profile))

    async def of_user(self, user_id: UUID) -> Profile:
        """A user's profile; raises `NotFound`."""
        row = await self._fetch_one(_OF_USER, user_id=user_id)
        if row is None:
            raise NotFound("There is no such profile")
        return _to_profile(row)

    async def display_names(self, user_ids: Collection[UUID]) -> Mapping[UUID, str | None]:
        """What these users go by; users without a profile are left out."""
        rows = await self._fetch_all(_NAMES, user_ids=list(user_ids))
        return {row["user_id"]: row["display_name"] for row in rows}

    async def delete_with(self, user_id: UUID, moment: datetime) -> None:
        """Delete the profile of a user who is deleted at that moment."""
        await self._execute(_DELETE_WITH, user_id=user_id, moment=moment)

    async def restore_with(self, user_id: UUID, moment: datetime) -> None:
        """Bring back what was deleted with the user at that moment."""
        await self._execute(_RESTORE_WITH, user_id=user_id, moment=moment)


def _columns(profile: Profile) -> Row:
    texts = ("display_name", "given_name", "family_name", "bio", "avatar_url", "locale", "timezone", "country")
    values = {name: getattr(profile, name) for name in texts}
    return {
        # Text values are a kind of str that the driver does not know.
        **{name: None if value is None else str(value) for name, value in values.items()},
        "user_id": profile.user_id,
        "date_of_birth": profile.date_of_birth,
        "links": [str(link) for link in profile.links],
        "is_public": profile.is_public,
    }


def _to_profile(row: Row) -> Profile:
    country = Country.trusted(row["country"]) if row["country"] is not None else None
    fields: Row = {**row, "country": country, "links": tuple(row["links"])}
    return Profile(**fields)
