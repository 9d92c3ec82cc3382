"""Resources that the answers of several rooms show, and how they are read off an entity."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
from promenade_chassis.http.resources import Resource
from promenade_kernel.values.email import Email

Shape = TypeVar("Shape", bound=msgspec.Struct)


class UserResource(Resource, kw_only=True):
    """A user; `allowed_actions` are what an administrator may do with him next."""

    email: Email
    status: Literal["pending", "active", "suspended"]
    roles: list[str]
    email_verified_at: datetime | None
    allowed_actions: list[str]


class ProfileResource(Resource, kw_only=True):
    """What a user tells about himself. `locale` is a BCP 47 tag, `timezone` an IANA name."""

    user_id: UUID
    display_name: str | None
    given_name: str | None
    family_name: str | None
    bio: str | None
    avatar_url: str | None
    date_of_birth: date | None
    locale: str | None
    timezone: str | None
    country: str | None
    links: list[str]
    is_public: bool


def shape(kind: type[Shape], source: object, **given: Any) -> Shape:
    """A struct filled from the attributes of the same names; `given` are those that are not."""
    read = {name: getattr(source, name) for name in kind.__struct_fields__ if name not in given}
    return kind(**read, **given)
