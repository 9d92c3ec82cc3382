"""One operation of a specification, as the handler declares it: parameters, body, answers, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast, get_origin

import msgspec
from litestar import Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec

from promenade_chassis.http.access import Access
from promenade_chassis.http.lists import Listing
from promenade_chassis.http.openapi_answers import headers, refusal
from promenade_chassis.http.openapi_schemas import PREFIX, Schema, Schemas
from promenade_chassis.http.resources import Resource

Part = dict[str, Any]

# What every request may meet on its way through the gateway, and what only the services behind it answer.
_ANYWHERE = {"400", "401", "429", "431"}
_BEHIND_THE_DOOR = {"503", "504"}
_WITH_A_BODY = {"408", "409", "413", "415", "422"}
_BODIES = {"POST", "PUT", "PATCH", "DELETE"}

# Neither has an example of its own: pages that let a reader try a call would send it, and a made-up version is refused,
# as is the same key with another body.
IDEMPOTENCY_KEY: Part = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of yours, `order-2026-03-14-0007`: sent again with the same body within 24 hours, "
    "the answer is the first one's.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_IF_MATCH: Part = {"type": "string", "pattern": r'^(\*|"[0-9]{1,18}")$'}


def body_kind(handler: HTTPRouteHandler) -> Any:
    """The type a handler reads its body into; None without one."""
    data = handler.parsed_data_field
    return data.annotation if data is not None else None


def answer_kinds(handler: HTTPRouteHandler) -> dict[int, Any]:
    """The type of each answer that is no problem, by its status; None for an answer without a body."""
    returned = handler.parsed_fn_signature.return_type
    kind = returned.annotation
    if returned.is_subclass_of(Response):
        kind = returned.inner_types[0].annotation if returned.inner_types else Any
    others: dict[int, Any] = {status: cast("Any", spec).data_container for status, spec in declared_answers(handler)}
    return {handler.status_code: None if kind is type(None) else kind, **others}


def declared_answers(handler: HTTPRouteHandler) -> list[tuple[int, ResponseSpec]]:
    """What a handler answers with another status than its usual one (`responses=`)."""
    return list((handler.responses or {}).items())


class OperationWriter:
    """Completes what Litestar says of operations. `generated` are the components its parameters refer to."""

    def __init__(self, schemas: Schemas, generated: Mapping[str, Schema], *, own_pages: bool) -> None:
        self._schemas = schemas
        self._generated = generated
        self._always = _ANYWHERE if own_pages else _ANYWHERE | _BEHIND_THE_DOOR

    def complete(self, operation: Part, handler: HTTPRouteHandler, access: Access, method: str) -> None:
        """Write into `operation` all that the handler declares."""
        operation["description"] = f"{operation.get('description', '')}\n\n{access.describe()}".strip()
        operation["security"] = [] if access.kind == "public" else [{"bearer": []}]
        operation["parameters"] = list(self._parameters(operation, handler, access, method))
        if not operation["parameters"]:
            del operation["parameters"]
        kind = body_kind(handler)
        if kind is not None:
            operation["requestBody"] = {"required": _is_required(kind), "content": self._content(kind)}
        answers = {
            str(status): self._answer(operation, handler, status, kind)
            for status, kind in answer_kinds(handler).items()
        }
        refused = {status: refusal(status) for status in sorted(self._statuses(operation, handler, access, method))}
        operation["responses"] = {**refused, **answers}

    def _parameters(self, operation: Part, handler: HTTPRouteHandler, access: Access, method: str) -> Iterator[Part]:
        for parameter in operation.get("parameters", []):
            schema = self._inlined(parameter.get("schema", {}))
            if parameter["name"] == "If-Match":
                required = "required_version" in handler.parsed_fn_signature.parameters
                yield {**parameter, "required": required, "schema": _IF_MATCH}
            else:
                yield {**parameter, "schema": schema}
        if method == "POST" and access.kind != "public" and not handler.opt.get("ignores_keys"):
            yield IDEMPOTENCY_KEY

    def _inlined(self, schema: Any) -> Any:
        """A parameter's schema complete in itself; a parameter is there or not, it is never null."""
        if isinstance(schema, list):
            return [self._inlined(part) for part in cast("list[Any]", schema)]
        if not isinstance(schema, dict):
            return schema
        given = cast("Schema", schema)
        if "$ref" in given:
            return self._inlined(self._generated[str(given["$ref"]).removeprefix(PREFIX)])
        plain = {key: self._inlined(part) for key, part in given.items() if (key, part) != ("default", None)}
        choices = [choice for choice in plain.get("oneOf", ()) if choice.get("type") != "null"]
        if len(choices) != 1:
            return plain
        return {**choices[0], **{key: part for key, part in plain.items() if key != "oneOf"}}

    def _answer(self, operation: Part, handler: HTTPRouteHandler, status: int, kind: Any) -> Part:
        generated: Part = operation["responses"].get(str(status), {})
        own = _headers_of(handler, status, kind)
        if any(part.get("name") == "Idempotency-Key" for part in operation.get("parameters", ())):
            own += ("Idempotent-Replayed",)
        answer: Part = {"description": _described(handler, status), "headers": headers(*own)}
        if kind is not None:
            media_type = next(iter(generated.get("content", {})), "application/json")
            answer["content"] = self._content(kind, media_type)
        return answer

    def _content(self, kind: Any, media_type: str = "application/json") -> Part:
        # Bytes are the document itself: texts are strings, and what else they hold is for their media type to say.
        is_raw = kind is bytes and media_type != "application/json"
        schema = ({"type": "string"} if media_type.startswith("text/") else {}) if is_raw else self._schemas.of(kind)
        content: Part = {"schema": schema}
        if "$ref" in schema:
            name = str(schema["$ref"]).removeprefix(PREFIX)
            content["examples"] = {name: {"$ref": f"#/components/examples/{name}"}}
        return {media_type: content}

    def _statuses(self, operation: Part, handler: HTTPRouteHandler, access: Access, method: str) -> set[str]:
        named = handler.parsed_fn_signature.parameters
        statuses = self._always | {str(status) for status in handler.opt.get("refuses", ())}
        if access.kind != "public":
            statuses |= {"403"}
        if any(part.get("in") == "path" for part in operation.get("parameters", ())):
            statuses |= {"404"}
        if method in _BODIES:
            statuses |= _WITH_A_BODY
        if named.keys() & {"expected_version", "required_version"}:
            statuses |= {"412"}
        return statuses | ({"428"} if "required_version" in named else set())


def _is_required(kind: Any) -> bool:
    """Whether a body has to be sent: an absent one is read as `{}`."""
    return _is_a(kind, msgspec.Struct) and any(field.required for field in msgspec.structs.fields(kind))


def _is_a(kind: Any, base: type[Any]) -> bool:
    return isinstance(kind, type) and issubclass(cast("type[Any]", kind), base)


def _headers_of(handler: HTTPRouteHandler, status: int, kind: Any) -> tuple[str, ...]:
    is_resource = _is_a(kind, Resource)
    tagged = ("ETag",) if is_resource and handler.parsed_fn_signature.return_type.is_subclass_of(Response) else ()
    linked = ("Link",) if get_origin(kind) is Listing else ()
    return (*tagged, *linked, *(("Location",) if status == 201 else ()))


def _described(handler: HTTPRouteHandler, status: int) -> str:
    spec = dict(declared_answers(handler)).get(status)
    if spec is not None:
        return spec.description
    if status == 202:
        return "Accepted; what follows happens later"
    return {201: "Created", 204: "Done; there is nothing to show"}.get(status, "Success")
