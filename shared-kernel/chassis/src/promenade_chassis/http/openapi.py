"""OpenAPI 3.1: paths and parameters from Litestar, bodies from msgspec, the house's habits from what routes declare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from litestar import Litestar, MediaType, Request, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, Schema, SecurityScheme, Server
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from promenade_kernel.values.text import TextValue

from promenade_chassis.http.access import Access, public
from promenade_chassis.http.openapi_answers import FAULT_SCHEMA, HEADERS, problem_schema, refusals
from promenade_chassis.http.openapi_examples import Documentation, Examples
from promenade_chassis.http.openapi_operation import OperationWriter, answer_kinds, body_kind
from promenade_chassis.http.openapi_schemas import Schemas

Document = dict[str, Any]
Described = tuple[dict[str, Any], HTTPRouteHandler, Access, str]

_HABITS = (
    "Times are RFC 3339 in UTC, ids UUIDv7, money an integer of minor units with its currency. Send `X-Request-Id` to "
    "find a request again and `traceparent` to follow it. Unknown query parameters and unknown body fields are "
    "refused, never ignored. The body of a command may be absent. Every answer with a status from 400 on is a problem "
    "(RFC 9457); a fault of ours is one with status 500 and code `internal-error`."
)
_SERVED = "specification"
# Components that mean something else in each service.
_OWN_KINDS = ("schemas", "examples", "responses")
_BEARER = SecurityScheme(
    type="http", scheme="bearer", bearer_format="JWT", description="The access token that `POST /auth/login` gives."
)


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
        description=f"{description}\n\n{_HABITS}",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url="/", description="The gateway")],
        components=Components(security_schemes={"bearer": _BEARER}),
        # Litestar's own pages load scripts from outside; the document is served by `serve_openapi`.
        openapi_router=Router(
            path="/openapi", route_handlers=[], opt={"access": public()}, guards=[_hide], include_in_schema=False
        ),
        # Pages that read the document come from the gateway; those of the framework load scripts from elsewhere.
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
    )


def openapi_document(app: Litestar) -> Document:
    """The specification as it is committed: bodies, examples, access, headers and problems of every operation."""
    document: Document = app.openapi_schema.to_schema()
    described = list(_described(app, document))
    asked = [kind for _, handler, _, _ in described if (kind := body_kind(handler)) is not None]
    shown = [kind for _, handler, _, _ in described for kind in answer_kinds(handler).values() if kind is not None]
    schemas = Schemas(asked, shown)
    generated: dict[str, Any] = document["components"].get("schemas", {})
    writer = OperationWriter(schemas, generated, own_pages=bool(app.opt.get("own_pages")))
    for operation, handler, access, method in described:
        writer.complete(operation, handler, access, method)
    said = documentation_of(app)
    document["tags"] = [{"name": name, "description": text} for name, text in said.tags.items()]
    document["components"] = {**document["components"], **_components(schemas, said)}
    return document


def documentation_of(app: Litestar) -> Documentation:
    """What the service says beyond its routes, with the tags that every service has."""
    said: Documentation = app.opt.get("documentation", Documentation())
    return replace(said, tags={**said.tags, "health": "Whether the process lives and can work."})


def openapi_text(document: Document) -> str:
    """The document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def merged_document(documents: Mapping[str, Document], title: str) -> Document:
    """One specification for several services, by their names; components are named after the service they are of."""
    merged: Document = {"openapi": "3.1.0", "info": {"title": title, "version": _newest(documents)}, "paths": {}}
    merged |= {"servers": [{"url": "/"}], "tags": [], "components": {}}
    for service, document in documents.items():
        text = json.dumps(document)
        for kind in _OWN_KINDS:
            text = text.replace(f"#/components/{kind}/", f"#/components/{kind}/{service}.")
        renamed: Document = json.loads(text)
        for kind, parts in renamed["components"].items():
            prefix = f"{service}." if kind in _OWN_KINDS else ""
            merged["components"].setdefault(kind, {}).update({prefix + name: part for name, part in parts.items()})
        merged["paths"] = {**renamed["paths"], **merged["paths"]}
        merged["tags"] += [tag for tag in renamed.get("tags", []) if tag not in merged["tags"]]
    return merged


@get("/openapi.json", access=public(), include_in_schema=False, media_type=MediaType.JSON)
async def serve_openapi(request: Request[Any, Any, Any]) -> bytes:
    """The service's own specification, as it is committed."""
    app = request.app
    # Made once: it takes tens of milliseconds, in which nobody else is answered, and anybody may ask for it.
    if _SERVED not in app.state:
        app.state[_SERVED] = json.dumps(openapi_document(app), ensure_ascii=False).encode()
    return app.state[_SERVED]


def _described(app: Litestar, document: Document) -> Iterator[Described]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            access = getattr(handler, "opt", {}).get("access")
            path = document["paths"].get(_documented(route.path))
            if path is None or not isinstance(access, Access):
                continue
            for method in sorted(handler.http_methods):
                operation = path.get(method.lower())
                if operation is not None:
                    yield operation, handler, access, str(method)


def _components(schemas: Schemas, said: Documentation) -> Document:
    examples = Examples(schemas.components, said.examples)
    made = {name: {"value": examples.of(name)} for name, schema in schemas.components.items() if "properties" in schema}
    return {
        "schemas": {
            **schemas.components,
            "Problem": problem_schema(said.problem_members),
            "ProblemFault": FAULT_SCHEMA,
        },
        "headers": HEADERS,
        "responses": refusals(),
        "examples": made,
    }


def _documented(path: str) -> str:
    parts = [part.split(":")[0] + "}" if part.startswith("{") and ":" in part else part for part in path.split("/")]
    return "/".join(parts) or "/"


def _newest(documents: Mapping[str, Document]) -> str:
    return max((str(document["info"]["version"]) for document in documents.values()), default="0")
