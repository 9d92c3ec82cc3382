"""A profile: what a user tells about himself."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, ClassVar
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import available_timezones

import langcodes
from promenade_chassis.ports import Aggregate
from promenade_kernel.events.identity import ProfileUpdated
from promenade_kernel.values.address import Country
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue, one_line

YOUNGEST, OLDEST = 13, 120
MAX_LINKS = 10
# What others copy of a profile: a change of these is told.
COPIED = ("display_name", "given_name", "family_name", "locale", "timezone", "country")
# Stricter than the library, which reads `en_US`, too. What begins with a single letter names no language.
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
# Names of the database that are no place: the machine's own zone, and the one of a machine nobody has set up.
_TIMEZONES = frozenset(available_timezones()) - {"localtime", "Factory"}


class PersonName(TextValue):
    """A name, or part of one: one line of up to 100 characters."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 100}

    @classmethod
    def _normalise(cls, text: str) -> str:
        return one_line(text, maximum=100)


class DisplayName(PersonName):
    """What a user is called."""

    __slots__ = ()


class Locale(TextValue):
    """A language tag of BCP 47, `en`, `de-AT`, `zh-Hant-TW`: each part is registered; outdated ones are replaced."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "maxLength": 35, "examples": ["de-AT"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        if len(text) > 35 or not _LANGUAGE_TAG.fullmatch(text) or not langcodes.tag_is_valid(text):
            raise InvalidValue("invalid-locale", "A locale is a language tag of BCP 47, such as de-AT.")
        return langcodes.standardize_tag(text)


class Timezone(TextValue):
    """A time zone of the IANA database, `Europe/Vienna`."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "maxLength": 64, "examples": ["Europe/Vienna"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        if text not in _TIMEZONES:
            raise InvalidValue("invalid-timezone", "A time zone is a name of the IANA database.")
        return text


class HttpsUrl(TextValue):
    """A web address that begins with https."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "format": "uri",
        "pattern": "^https://",
        "maxLength": 500,
        "examples": ["https://example.com/ada"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        line = one_line(text, maximum=500)
        try:
            parts = urlsplit(line)
            has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            has_host = False
        else:
            has_host = has_host and parts.scheme == "https" and parts.username is None
        if not has_host or " " in line:
            raise InvalidValue("invalid-url", "This must be an https address.")
        return line


class Bio(TextValue):
    """A text of up to 500 characters; lines are kept."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "maxLength": 500}

    @classmethod
    def _normalise(cls, text: str) -> str:
        if len(text) > 500:
            raise InvalidValue("too-long", "This takes at most 500 characters.")
        return text


@dataclass(kw_only=True)
class Profile(Aggregate):
    """The aggregate root, one a user. Others see it when it is public."""

    user_id: UUID
    display_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    bio: str | None = None
    avatar_url: str | None = None
    date_of_birth: date | None = None
    locale: str | None = None
    timezone: str | None = None
    country: Country | None = None
    links: tuple[str, ...] = ()
    is_public: bool = False

    def change(self, today: date, **changes: Any) -> None:
        """Put new values in; the names are those of the fields. What others copy is told, when it changed."""
        known = {each.name for each in fields(Profile)} - {each.name for each in fields(Aggregate)} - {"user_id"}
        if unknown := changes.keys() - known:
            raise TypeError(f"a profile has no {', '.join(sorted(unknown))}")
        born: date | None = changes.get("date_of_birth")
        if born is not None and not YOUNGEST <= _age(born, today) <= OLDEST:
            raise InvalidValue(
                "invalid-date-of-birth", f"Users are {YOUNGEST} to {OLDEST} years old.", "/date_of_birth"
            )
        before = self._copy()
        for name, value in changes.items():
            setattr(self, name, value)
        if self._copy() != before:
            self.record(ProfileUpdated(profile_id=self.id, user_id=self.user_id, **self._copy()))

    def _copy(self) -> dict[str, str | None]:
        values: dict[str, str | None] = {name: getattr(self, name) for name in COPIED}
        # Events hold plain texts.
        return {name: None if value is None else str(value) for name, value in values.items()}


def _age(born: date, today: date) -> int:
    """Full years; who was born on a leap day has his birthday on 1 March in other years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
