"""The parts that all specifications share: problems, the headers of answers, and when each status is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Part = dict[str, Any]

_TEXT: Part = {"type": "string"}
_SLUG: Part = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}

_PROBLEM: Part = {
    "title": "Problem",
    "type": "object",
    "description": "RFC 9457 problem details. `code` is stable, texts are not.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "Leads to the documentation of the problem.",
        },
        "title": {"type": "string", "description": "The kind of problem in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong this time."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {**_SLUG, "description": "The stable slug."},
        "request_id": {"type": "string", "description": "Under this id the request stands in our logs."},
        "errors": {
            "type": "array",
            "minItems": 1,
            "description": "Every fault of the input.",
            "items": {"$ref": "#/components/schemas/ProblemFault"},
        },
        "state": {"type": "string", "description": "The state that stands in the way; with `invalid-transition`."},
        "allowed": {
            "type": "array",
            "description": "The commands that are possible instead; with `invalid-transition`.",
            "items": _TEXT,
        },
    },
}
FAULT_SCHEMA: Part = {
    "title": "ProblemFault",
    "type": "object",
    "description": "One fault of the input.",
    "required": ["pointer", "detail", "code"],
    "properties": {
        "pointer": {"type": "string", "description": "Where: a JSON pointer into the body, or `?name` of the query."},
        "detail": {"type": "string", "description": "What is wrong there."},
        "code": _SLUG,
    },
}

HEADERS: dict[str, Part] = {
    "X-Request-Id": {
        "required": True,
        "description": "Yours if you sent one, else a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    },
    "RateLimit": {
        "description": "How many requests are left (`r`) and for how many seconds (`t`); from the gateway.",
        "schema": _TEXT,
    },
    "RateLimit-Policy": {
        "description": "The limits that count: quota (`q`) and window (`w`); from the gateway.",
        "schema": _TEXT,
    },
    "ETag": {
        "required": True,
        "description": "The version in quotes, for If-Match.",
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
    },
    "Location": {
        "required": True,
        "description": "Where the new resource lives.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Link": {
        "description": 'The next page as `<…>; rel="next"`; absent on the last.',
        "schema": {"type": "string", "pattern": '^<[^>]+>; rel="next"$'},
    },
    "Idempotent-Replayed": {
        "description": "`true` when the answer is the one recorded for the Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWW-Authenticate": {
        "required": True,
        "description": "How to sign in, and what was wrong with the token.",
        "schema": {"type": "string", "pattern": "^Bearer"},
    },
    "Retry-After": {
        "required": True,
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Retry-After-If-In-Flight": {
        "description": "Seconds to wait; when the Idempotency-Key is in flight.",
        "schema": {"type": "integer", "minimum": 1},
    },
}
ALWAYS = ("RateLimit", "RateLimit-Policy", "X-Request-Id")

# status -> (component, description, an example's code and title, headers of its own)
_REFUSALS: dict[str, tuple[str, str, str, str, tuple[str, ...]]] = {
    "400": (
        "BadRequest",
        "Malformed HTTP or JSON, unknown or invalid parameter, bad cursor, If-Match or Idempotency-Key",
        "unknown-parameter",
        "The route does not know this query parameter",
        (),
    ),
    "401": (
        "Unauthenticated",
        "No token where one is needed, or one that does not count; wrong credentials",
        "unauthenticated",
        "Sign in to use this",
        ("WWW-Authenticate",),
    ),
    "403": ("Forbidden", "Known, but not allowed", "forbidden", "You are not allowed to do this", ()),
    "404": ("NotFound", "Not there, deleted, or not yours", "not-found", "There is no such resource", ()),
    "408": (
        "RequestTimeout",
        "The body did not arrive in time",
        "request-timeout",
        "The body did not arrive in time",
        (),
    ),
    "409": (
        "Conflict",
        "The state of the resource stands in the way, a duplicate, a lost race, or an Idempotency-Key in flight",
        "invalid-transition",
        "The command is not possible in this state",
        ("Retry-After-If-In-Flight",),
    ),
    "412": (
        "PreconditionFailed",
        "If-Match names another version",
        "precondition-failed",
        "The resource has another version than If-Match names",
        (),
    ),
    "413": ("BodyTooLarge", "The body is over the limit of the route", "body-too-large", "The body is too large", ()),
    "415": (
        "UnsupportedMediaType",
        "The body is not application/json",
        "unsupported-media-type",
        "The body is not JSON",
        (),
    ),
    "422": (
        "Invalid",
        "Understood but invalid: `errors` names every fault; or an Idempotency-Key of another request",
        "invalid",
        "The request is invalid",
        (),
    ),
    "428": (
        "PreconditionRequired",
        "If-Match is missing",
        "precondition-required",
        "Send If-Match with the version you have read",
        (),
    ),
    "429": ("TooManyRequests", "The rate limit is used up", "rate-limited", "Too many requests", ("Retry-After",)),
    "431": (
        "HeadTooLarge",
        "Request line or headers are too large",
        "head-too-large",
        "The request line and headers are too large",
        (),
    ),
    "503": (
        "Unavailable",
        "The service or something it depends on is away, or it has too much to do",
        "service-unavailable",
        "Something this depends on is away",
        ("Retry-After",),
    ),
    "504": (
        "TooSlow",
        "The service did not answer in time; whether it acted is unknown",
        "service-timeout",
        "The service did not answer in time",
        ("Retry-After",),
    ),
}


def problem_schema(members: Mapping[str, Part]) -> Part:
    """The schema of a service's problems: the usual members, and those only it has."""
    return {**_PROBLEM, "properties": {**_PROBLEM["properties"], **members}}


def refusal(status: str) -> Part:
    """The reference an operation's answer of this status is."""
    return {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}


def refusals() -> dict[str, Part]:
    """`components.responses`: each answer that is a problem."""
    return {entry[0]: _refusal(status) for status, entry in _REFUSALS.items()}


def headers(*names: str) -> dict[str, Part]:
    """The headers of an answer: those that all have, and these."""
    return {name.removesuffix("-If-In-Flight"): _header(name) for name in sorted((*ALWAYS, *names))}


def _header(name: str) -> Part:
    return {"$ref": f"#/components/headers/{name}"}


def _refusal(status: str) -> Part:
    _, description, code, title, own = _REFUSALS[status]
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": schema, "example": _example(int(status), code, title)}}
    return {"description": description, "headers": headers(*own), "content": content}


def _example(status: int, code: str, title: str) -> Part:
    problem: Part = {
        "type": f"/problems/{code}",
        "title": title,
        "status": status,
        "detail": title,
        "instance": "/api/v1/order-management/orders",
        "request_id": "019a3f6e-5c1b-7d42-9c3a-7f1e2d4b6a80",
        "code": code,
    }
    if status == 422:
        fault = {"pointer": "/lines/0/quantity", "detail": "Expected `int` >= 1", "code": "out-of-range"}
        problem["errors"] = [fault]
    if code == "invalid-transition":
        problem |= {"state": "placed", "allowed": ["release"]}
    return problem
