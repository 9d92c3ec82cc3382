"""Errors a domain may raise. Each carries what an API consumer needs; the HTTP adapter turns them into problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input.

    `pointer` is a JSON pointer into the body (`/lines/0/quantity`), `code` a stable slug.
    """

    pointer: str
    detail: str
    code: str


class DomainError(Exception):
    """A rule refused. `slug` is the problem's stable `code`, `status` its HTTP status.

    The page of a problem is made of its class: `title`, the docstring (what it means), `advice` (what a client does
    about it) and `example` (members of an example that differ from what the class alone tells).
    """

    slug: ClassVar[str] = "conflict"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "The request conflicts with the state of the resource"
    advice: ClassVar[str] = ""
    example: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self,
        detail: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers: dict[str, str] = dict(headers or {})
        self.extra: dict[str, Any] = extra


class NotFound(DomainError):
    """Not there, deleted, or not the caller's."""

    slug = "not-found"
    status = 404
    title = "There is no such resource"
    advice = "Check the id, and as whom you are signed in: what is somebody else's looks like what is not there."


class Conflict(DomainError):
    """The state of the resource, or of another one, stands in the way."""

    slug = "conflict"
    status = 409
    advice = "Read the resource again; `detail` says what stands in the way."


class Unauthenticated(DomainError):
    """No token, or one that does not count."""

    slug = "unauthenticated"
    status = 401
    title = "Sign in to use this"
    advice = "Send `Authorization: Bearer <access token>`."


class Forbidden(DomainError):
    """We know who is asking, and he may not do this."""

    slug = "forbidden"
    status = 403
    title = "You are not allowed to do this"
    advice = "`detail` names the permission that is missing; ask whoever gives out roles."
    example: ClassVar[Mapping[str, Any]] = {"detail": "This needs the permission customers:read"}


class BadRequest(DomainError):
    """The request cannot be understood."""

    slug = "bad-request"
    status = 400
    title = "The request cannot be understood"
    advice = "Compare the request with the documentation of the route."


class Invalid(DomainError):
    """The body is understood, but invalid; `errors` names all faults at once."""

    slug = "invalid"
    status = 422
    title = "The request is invalid"
    advice = "Mend what `errors` names, each with a JSON pointer into the body, and send all again."
    example: ClassVar[Mapping[str, Any]] = {
        "errors": [
            {"pointer": "/lines/0/quantity", "detail": "Expected `int` >= 1", "code": "out-of-range"},
            {"pointer": "/currency", "detail": "This field is required", "code": "required"},
        ]
    }

    def __init__(self, faults: Sequence[Fault] = (), detail: str | None = None) -> None:
        super().__init__(detail or (faults[0].detail if len(faults) == 1 else None))
        self.faults: tuple[Fault, ...] = tuple(faults)


def invalid_field(pointer: str, code: str, detail: str) -> Invalid:
    """The `Invalid` of a single fault."""
    return Invalid([Fault(pointer=pointer, detail=detail, code=code)])


class InvalidTransition(Conflict):
    """The command is not possible in this state; `allowed` names the ones that are."""

    slug = "invalid-transition"
    title = "The command is not possible in this state"
    advice = "Read the resource again; `allowed` names the commands that are possible now."
    example: ClassVar[Mapping[str, Any]] = {
        "detail": "'ship' is not possible while 'draft'",
        "state": "draft",
        "allowed": ["change", "discard", "place"],
    }

    def __init__(self, state: str, command: str, allowed: Sequence[str]) -> None:
        super().__init__(f"'{command}' is not possible while '{state}'", state=state, allowed=list(allowed))


class StaleVersion(Conflict):
    """Somebody else changed the resource between reading and writing it."""

    slug = "concurrent-update"
    title = "The resource was changed by somebody else at the same time; read it again"
    advice = "Read the resource again and repeat the change."


class PreconditionFailed(DomainError):
    """If-Match names another version than the present one."""

    slug = "precondition-failed"
    status = 412
    title = "The resource has another version than If-Match names"
    advice = "Read the resource again and decide anew; its ETag is what If-Match has to name."
    example: ClassVar[Mapping[str, Any]] = {"detail": "The present version is 4"}


class PreconditionRequired(DomainError):
    """The route needs an If-Match header."""

    slug = "precondition-required"
    status = 428
    title = "Send If-Match with the version you have read"
    advice = "Send `If-Match` with the ETag of the answer you have read."


class ServiceUnavailable(DomainError):
    """Something this depends on is away."""

    slug = "service-unavailable"
    status = 503
    title = "Something this depends on is away; try again"
    advice = "Repeat after as many seconds as Retry-After says; other services are not affected."

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class PermanentError(Exception):
    """A reaction that will fail however often it is tried: straight to the dead letters."""


class NotYet(Exception):
    """What this reaction builds on has not arrived; not counted as an attempt."""
