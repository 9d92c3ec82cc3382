"""The problems that any service may answer with, for people who look one up."""

from __future__ import annotations

import html
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry. `advice` says what a client does about it."""

    slug: str
    status: int
    title: str
    advice: str

    def page(self) -> str:
        """A small page without scripts or styles."""
        title, advice = html.escape(self.title), html.escape(self.advice)
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
            f"<body><h1>{title}</h1><p>Status {self.status}, code <code>{self.slug}</code>.</p>"
            f"<p>{advice}</p></body></html>\n"
        )


_ALL = (
    Problem("bad-request", 400, "The request cannot be understood", "Compare the request with the documentation."),
    Problem(
        "malformed-request",
        400,
        "The request is not well-formed HTTP",
        "One Host, one Content-Length or one Transfer-Encoding: chunked, and a path as the target.",
    ),
    Problem(
        "bad-path",
        400,
        "The path is not in its plain form",
        "Send the path without dot segments, empty segments and encoded separators.",
    ),
    Problem("malformed-json", 400, "The body is not valid JSON", "Send UTF-8 JSON."),
    Problem("invalid-parameter", 400, "A parameter is not valid", "`detail` names the parameter."),
    Problem(
        "unknown-parameter",
        400,
        "The route does not know this query parameter",
        "Unknown parameters are refused, never ignored: check the spelling.",
    ),
    Problem(
        "repeated-parameter",
        400,
        "A query parameter is given more than once",
        "Give each once: which of two should count is not for us to choose.",
    ),
    Problem(
        "bad-cursor",
        400,
        "The cursor is not one of this list",
        "It is good for one list, one sort, one user: keep all other parameters, or start again without `cursor`.",
    ),
    Problem("unknown-sort", 400, "The list cannot be sorted by this", "`detail` names what it can be sorted by."),
    Problem(
        "bad-if-match",
        400,
        "If-Match must be an ETag as an answer gave it",
        "Send the ETag unchanged, with its quotes.",
    ),
    Problem("bad-idempotency-key", 400, "The Idempotency-Key is not usable", "Send 1 to 255 printable characters."),
    Problem("unauthenticated", 401, "Sign in to use this", "Send `Authorization: Bearer <access token>`."),
    Problem("invalid-token", 401, "The access token is not valid", "Refresh it, or sign in again."),
    Problem(
        "token-stale", 401, "The access token is out of date", "What the user may do has changed: refresh the token."
    ),
    Problem("token-revoked", 401, "The access token is revoked", "The session has ended: sign in again."),
    Problem("forbidden", 403, "You are not allowed to do this", "`detail` names the permission that is missing."),
    Problem("not-found", 404, "There is no such resource", "It is not there, deleted, or not yours."),
    Problem("method-not-allowed", 405, "The method is not possible here", "The Allow header names those that are."),
    Problem("request-timeout", 408, "The body did not arrive in time", "Send the request again."),
    Problem("conflict", 409, "The request conflicts with the state of the resource", "Read the resource again."),
    Problem(
        "invalid-transition", 409, "The command is not possible in this state", "`allowed` names the commands that are."
    ),
    Problem(
        "concurrent-update",
        409,
        "The resource was changed by somebody else at the same time",
        "Read it again and repeat the change.",
    ),
    Problem(
        "idempotency-key-in-flight",
        409,
        "A request with this Idempotency-Key is still running",
        "Wait as long as Retry-After says and repeat.",
    ),
    Problem(
        "precondition-failed",
        412,
        "The resource has another version than If-Match names",
        "Read it again and decide anew.",
    ),
    Problem("body-too-large", 413, "The body is too large", "`detail` names the limit."),
    Problem("unsupported-media-type", 415, "The body is not JSON", "Send it as application/json."),
    Problem("invalid", 422, "The request is invalid", "`errors` names every fault with a JSON pointer."),
    Problem(
        "idempotency-key-reused",
        422,
        "The Idempotency-Key belongs to another request",
        "Use a new key for every new request.",
    ),
    Problem(
        "precondition-required",
        428,
        "Send If-Match with the version you have read",
        "The ETag of the last answer is its value.",
    ),
    Problem(
        "rate-limited", 429, "Too many requests", "Wait as long as Retry-After says; RateLimit tells how many are left."
    ),
    Problem("head-too-large", 431, "The request line and headers are too large", "Send fewer or shorter headers."),
    Problem("internal-error", 500, "Something went wrong on our side", "`request_id` helps us to find it."),
    Problem(
        "service-unavailable",
        503,
        "Something this depends on is away",
        "Repeat after Retry-After; other services are not affected.",
    ),
    Problem(
        "service-overloaded", 503, "The service has too much to do", "Repeat after Retry-After, with growing pauses."
    ),
    Problem(
        "service-timeout",
        504,
        "The service did not answer in time",
        "Whether it acted is unknown: repeat with the same Idempotency-Key.",
    ),
)

CATALOGUE = {problem.slug: problem for problem in _ALL}
