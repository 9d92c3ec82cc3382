"""Resources: ETag, If-Match, Location."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter
from promenade_kernel.events.registry import Instant
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue

from promenade_chassis.http.access import Access
from promenade_chassis.http.answers import Json
from promenade_chassis.ports import BadRequest, PreconditionFailed, PreconditionRequired, Principal

Shown = TypeVar("Shown", bound="Resource")
AnyRequest = Request[Any, Any, Any]

_ETAG = re.compile(r'"[0-9]{1,18}"')

# What handlers ask for; the dependencies of these names are the application's (`http.app`).
Caller = NamedDependency[Principal]
ExpectedVersion = NamedDependency[int | None]
RequiredVersion = NamedDependency[int | None]
PathId = FromPath[UUID]


def command(path: str, *, access: Access, operation_id: str, summary: str) -> post:
    """A POST that commands rather than creates: it answers 200 with the whole resource."""
    return post(path, access=access, operation_id=operation_id, summary=summary, status_code=200)


class Moment(TextValue):
    """A time in a query: RFC 3339 with a zone. Query parameters of type `datetime` break on `253402300800`."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "date-time"}

    @classmethod
    def _normalise(cls, text: str) -> str:
        try:
            msgspec.convert(text, Instant)
        except (msgspec.ValidationError, ValueError) as error:
            raise InvalidValue("invalid-time", "A time is RFC 3339 with a zone: 2026-01-31T12:00:00Z.") from error
        return text

    @property
    def instant(self) -> datetime:
        """The time itself, aware."""
        return msgspec.convert(str(self), datetime)


class BadIfMatch(BadRequest):
    """If-Match does not hold an entity tag of ours."""

    slug = "bad-if-match"
    title = 'If-Match must be an ETag as an answer gave it, for example "3"'
    advice = "Send an ETag unchanged, with its quotes."


class Resource(msgspec.Struct, kw_only=True):
    """What every resource carries. `version` is the ETag in quotes; times are RFC 3339 in UTC."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


def shown(resource: Shown) -> Response[Shown]:
    """200 with the resource and its ETag."""
    return Json(resource, status_code=200, headers={"ETag": f'"{resource.version}"'})


def created(resource: Shown, location: str) -> Response[Shown]:
    """201 with the resource, its ETag and where it lives."""
    return Json(resource, status_code=201, headers={"ETag": f'"{resource.version}"', "Location": location})


IfMatch = Annotated[
    str | None, HeaderParameter(name="If-Match", description="The ETag read; the write is refused when stale.")
]


async def provide_if_match(if_match: IfMatch = None) -> int | None:
    """The dependency `expected_version`: the version If-Match names, None without it or for `*`."""
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip()
    # If-Match compares strongly: a weak tag never matches.
    if text.startswith("W/"):
        raise PreconditionFailed
    if _ETAG.fullmatch(text) is None:
        raise BadIfMatch
    return int(text[1:-1])


async def provide_required_if_match(if_match: IfMatch = None) -> int | None:
    """The dependency `required_version`: as `expected_version`, and 428 without the header."""
    if if_match is None:
        raise PreconditionRequired
    return await provide_if_match(if_match)
