"""What the framework refuses before any handler of ours runs, as errors of the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from promenade_chassis.ports import BadRequest, DomainError, Forbidden, Invalid, NotFound, Unauthenticated


class InvalidParameter(Invalid):
    """A parameter of the query, the path or a header has a value that the route does not take."""

    slug = "invalid-parameter"
    status = 400
    title = "A parameter is not valid"
    advice = "`errors` names each parameter as `?name`; the documentation of the route says what it takes."
    example: ClassVar[Mapping[str, Any]] = {
        "detail": "limit: Expected `int` <= 100",
        "errors": [{"pointer": "?limit", "detail": "Expected `int` <= 100", "code": "invalid-parameter"}],
    }


class MethodNotAllowed(DomainError):
    """There is something at this path, but it does not take this method."""

    slug = "method-not-allowed"
    status = 405
    title = "The method is not possible here"
    advice = "Use one of the methods that the Allow header names."
    example: ClassVar[Mapping[str, Any]] = {"detail": "PUT is not possible here"}


class ContentTooLarge(DomainError):
    """The body is larger than this route takes."""

    slug = "body-too-large"
    status = 413
    title = "The body is too large"
    advice = "Send less at once; `detail` names the limit where it is known."


class UnsupportedMediaType(DomainError):
    """Bodies are JSON, and say so."""

    slug = "unsupported-media-type"
    status = 415
    title = "The body is not JSON"
    advice = "Send it with `Content-Type: application/json`."


class TooManyRequests(DomainError):
    """The service itself has had enough for the moment; the gateway's limits answer `rate-limited`."""

    slug = "too-many-requests"
    status = 429
    title = "Too many requests"
    advice = "Wait as long as Retry-After says, or a few seconds."


class InternalError(DomainError):
    """A fault of ours, not of the request; it is in our logs under the request id."""

    slug = "internal-error"
    status = 500
    title = "Something went wrong on our side; the request id helps us to find it"
    advice = "Tell us the `request_id`; repeat later."


_OF_STATUS: Mapping[int, type[DomainError]] = {
    each.status: each
    for each in (
        BadRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        ContentTooLarge,
        UnsupportedMediaType,
        TooManyRequests,
    )
}


def error_of_status(status: int) -> type[DomainError]:
    """The error that a bare status stands for; one we have no words for is the general one of its class."""
    return _OF_STATUS.get(status, BadRequest if status < 500 else InternalError)
