"""What the gateway itself refuses, as problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from promenade_chassis.http.framework_errors import ContentTooLarge
from promenade_chassis.http.framework_errors import InternalError as InternalError
from promenade_chassis.ports import BadRequest, DomainError, ServiceUnavailable, Unauthenticated

_STALE = 'Bearer error="invalid_token", error_description="stale"'
_REVOKED = 'Bearer error="invalid_token", error_description="revoked"'


class MalformedRequest(BadRequest):
    """The message could be read in two ways, or names something that is not on this host."""

    slug = "malformed-request"
    title = "The request is not well-formed HTTP"
    advice = "Send one Host, one Content-Length or `Transfer-Encoding: chunked`, and a path as the target."

    def __init__(self, detail: str) -> None:
        # Where the next request on this connection would begin is anybody's guess.
        super().__init__(detail, headers={"Connection": "close"})


class BadPath(BadRequest):
    """The path holds `..`, `//` or an encoded separator: two readers could take it for two places."""

    slug = "bad-path"
    title = "The path is not in its plain form"
    advice = "Send the path without dot segments, empty segments and encoded separators."


class BodyTooLarge(ContentTooLarge):
    """The body passed the limit of the route."""

    def __init__(self, limit: int) -> None:
        # What follows the limit is never read, so the connection cannot be used again.
        super().__init__(f"The body may have up to {limit} bytes here", headers={"Connection": "close"})


class RequestTimeout(DomainError):
    """The client stopped sending in the middle of its body."""

    slug = "request-timeout"
    status = 408
    title = "The body did not arrive in time"
    advice = "Send the request again, without pauses."

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


class TokenRevoked(Unauthenticated):
    """The session has ended; signing in again is the only way on."""

    slug = "token-revoked"
    title = "The access token is revoked; sign in again"
    advice = "Sign in again."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": _REVOKED})


class TokenStale(Unauthenticated):
    """What the user may do has changed since the token was made; refreshing gets a good one."""

    slug = "token-stale"
    title = "The access token is out of date; refresh it"
    advice = "Refresh the token."

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": _STALE})


class RateLimited(DomainError):
    """Too many requests; Retry-After says when the next one counts."""

    slug = "rate-limited"
    status = 429
    title = "Too many requests"
    advice = "Wait as long as Retry-After says; RateLimit tells how many requests are left."
    example: ClassVar[Mapping[str, Any]] = {"detail": "Try again in 3 s"}

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Try again in {retry_after} s", headers={"Retry-After": str(retry_after)})


class UpstreamAway(ServiceUnavailable):
    """The service behind this route does not answer; the others do."""

    def __init__(self, context: str) -> None:
        super().__init__(f"The service {context} is away; try again")


class UpstreamBusy(ServiceUnavailable):
    """More requests than the service can hold are waiting for it: refused at once, before everything slows down."""

    slug = "service-overloaded"
    title = "The service has too much to do; try again"
    advice = "Repeat after Retry-After, with growing pauses."


class UpstreamTooSlow(DomainError):
    """The service took the request but did not answer in time; whether it had an effect is unknown."""

    slug = "service-timeout"
    status = 504
    title = "The service did not answer in time"
    advice = "Repeat with the same Idempotency-Key: if it had an effect, you get its answer."
    example: ClassVar[Mapping[str, Any]] = {"detail": "The service billing did not answer in time"}

    def __init__(self, context: str) -> None:
        super().__init__(f"The service {context} did not answer in time", headers={"Retry-After": "5"})


class HeadTooLarge(DomainError):
    """Request line and headers together are larger than any request of ours needs."""

    slug = "head-too-large"
    status = 431
    title = "The request line and headers are too large"
    advice = "Send fewer or shorter headers, or a shorter path."
