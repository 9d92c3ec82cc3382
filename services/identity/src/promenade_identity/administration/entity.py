"""What staff do with users: what they say, what they see, and what is refused even to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from promenade_chassis.ports import Conflict, utc_now
from promenade_kernel.events.registry import Instant
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue, one_line

from promenade_identity.user.entity import User


class LastSuperadmin(Conflict):
    """Somebody has to be able to do everything: the last active superadmin stays one."""

    slug = "last-superadmin"
    title = "This is the last active superadmin"
    advice = "Make somebody else a superadmin first, then repeat."


class Reason(TextValue):
    """Why somebody is suspended: one line of up to 500 characters."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 500}

    @classmethod
    def _normalise(cls, text: str) -> str:
        return one_line(text, maximum=500)


class FutureTime(TextValue):
    """A time that has not come yet, RFC 3339 with a zone."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "format": "date-time",
        "examples": ["2999-12-31T00:00:00Z"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        try:
            moment = msgspec.convert(text, Instant)
        except (msgspec.ValidationError, ValueError) as error:
            raise InvalidValue("invalid-time", "A time is RFC 3339 with a zone: 2026-01-31T12:00:00Z.") from error
        if moment <= utc_now():
            raise InvalidValue("not-in-future", "This time is over.")
        return text

    @property
    def instant(self) -> Instant:
        """The time itself, aware."""
        return msgspec.convert(str(self), Instant)


@dataclass(frozen=True, slots=True)
class ManagedUser:
    """A user as staff see him: with the name he goes by."""

    user: User
    display_name: str | None
