"""OpenAPI 3.1: what Litestar generates, with our text values, problems and security added."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, MediaType, Request, Router, get
from litestar.exceptions import NotFoundException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, Schema, SecurityScheme
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from promenade_kernel.values.text import TextValue

from promenade_chassis.http.access import Access, public

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "description": "The stable slug."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail", "code"],
                "properties": {
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WHEN = {
    "400": "Malformed JSON, unknown or invalid query parameter, bad cursor, bad Idempotency-Key",
    "401": "No token, or one that does not count",
    "403": "Known, but not allowed",
    "404": "Not there, deleted, or not yours",
    "409": "The state of the resource stands in the way",
    "412": "If-Match names another version",
    "413": "Body over 1 MiB",
    "415": "The body is not JSON",
    "422": "Understood but invalid; `errors` names every fault",
    "428": "If-Match is missing",
    "429": "Rate limit; see Retry-After",
    "503": "Something this depends on is away; see Retry-After",
    "504": "The service took too long; see Retry-After",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of yours: sent again with the same body within 24 hours, the answer is the first one's.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class TextValueSchema(OpenAPISchemaPlugin):
    """Text values (Email, Phone, Rate …) appear as strings with their own format."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Whether the field is one of the kernel's text values."""
        return not field_definition.is_union and field_definition.is_subclass_of(TextValue)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """The schema the value declares of itself."""
        declared: dict[str, Any] = field_definition.annotation.json_schema
        names = {"maxLength": "max_length", "minLength": "min_length"}
        return Schema(**{names.get(key, key): value for key, value in declared.items()})


def _hide(_: Any, __: Any) -> None:
    raise NotFoundException


def openapi_config(title: str, version: str, description: str) -> OpenAPIConfig:
    """The configuration of a service's specification."""
    return OpenAPIConfig(
        title=title,
        version=version,
        description=description,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        # Litestar's own pages load scripts from outside; the document is served by `serve_openapi`.
        openapi_router=Router(
            path="/openapi", route_handlers=[], opt={"access": public()}, guards=[_hide], include_in_schema=False
        ),
        # Pages that read the document come from the gateway; those of the framework load scripts from elsewhere.
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
    )


def openapi_document(app: Litestar) -> dict[str, Any]:
    """The specification as it is committed: access, security and problems of every operation included."""
    document: dict[str, Any] = app.openapi_schema.to_schema()
    document["components"].setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            access = getattr(handler, "opt", {}).get("access")
            path = document["paths"].get(_documented(route.path))
            if path is None or not isinstance(access, Access):
                continue
            for method in handler.http_methods:
                operation = path.get(method.lower())
                if operation is not None:
                    _complete(operation, handler, access, method)
    return document


@get("/openapi.json", access=public(), include_in_schema=False, media_type=MediaType.JSON)
async def serve_openapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The service's own specification, as it is committed."""
    return openapi_document(request.app)


def _documented(path: str) -> str:
    parts = [part.split(":")[0] + "}" if part.startswith("{") and ":" in part else part for part in path.split("/")]
    return "/".join(parts) or "/"


def _complete(operation: dict[str, Any], handler: Any, access: Access, method: str) -> None:
    operation["description"] = f"{operation.get('description', '')}\n\n{access.describe()}".strip()
    operation["security"] = [] if access.kind == "public" else [{"bearer": []}]
    parameters = operation.setdefault("parameters", [])
    statuses = {"400", "429", "503", "504"}
    if access.kind != "public":
        statuses |= {"401", "403"}
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses |= {"404"}
    if method != "GET":
        statuses |= {"404", "409", "412", "413", "415", "422"}
    if "required_version" in handler.parsed_fn_signature.parameters:
        statuses |= {"428"}
    if method == "POST" and access.kind != "public" and not handler.opt.get("ignores_keys"):
        parameters.append(_IDEMPOTENCY_KEY)
    for status in sorted(statuses):
        operation["responses"].setdefault(status, {"description": _WHEN[status], "content": _PROBLEM})
