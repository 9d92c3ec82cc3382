"""What a customer's fields may hold."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import available_timezones

from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue, one_line

MAX_NAME, MAX_TAG = 200, 50
# Names of the database that are no place: the machine's own zone, and the one of a machine nobody has set up.
_TIMEZONES = frozenset(available_timezones()) - {"localtime", "Factory"}


class CustomerName(TextValue):
    """What a customer is called: one line of up to 200 characters."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}

    @classmethod
    def _normalise(cls, text: str) -> str:
        return one_line(text, maximum=MAX_NAME)


class Tag(TextValue):
    """A word or a few to find customers by; it is a segment of a path, so it holds no slash."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_TAG,
        "pattern": "^[^/]+$",
        "examples": ["wholesale"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        tag = one_line(text, maximum=MAX_TAG)
        if "/" in tag or tag in (".", ".."):
            raise InvalidValue("invalid-tag", "A tag must not contain a slash, nor be one or two dots.")
        return tag


class Timezone(TextValue):
    """A time zone of the IANA database, `Europe/Vienna`."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "maxLength": 64, "examples": ["Europe/Vienna"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        if text not in _TIMEZONES:
            raise InvalidValue("invalid-timezone", "A time zone is a name of the IANA database.")
        return text
