"""The routes of what people read. Public, unchanging while the process lives."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect
from promenade_chassis.http.access import public
from promenade_chassis.ports import NotFound

from promenade_gateway.docs.content import ASK_FIRST, FOREVER, AnyRequest, Content
from promenade_gateway.docs.site import asyncapi, docs_page, events_page, load_assets

GATEWAY = "gateway"
ROBOTS = Content(b"User-agent: *\nDisallow: /api/\n", "text/plain")


def docs_routes(contexts: Sequence[str], *, origin: str, one_machine: bool) -> list[HTTPRouteHandler]:
    """`/docs` and its files, `/events`, `/asyncapi.yaml`, and where `/` leads; all of it is read now, not later."""
    services = (*contexts, GATEWAY)
    assets = load_assets()
    page = docs_page(assets, services, origin=origin, one_machine=one_machine)
    events, document = events_page(), asyncapi()

    @get("/docs", access=public(), operation_id="docs", summary="All operations, to read and to try",
         media_type=MediaType.HTML, tags=["documentation"])  # fmt: skip
    async def docs(request: AnyRequest) -> Response[bytes]:
        """One page for all services; it loads nothing from elsewhere."""
        return await page.answer(request)

    @get("/docs/{service:str}", access=public(), include_in_schema=False)
    async def docs_of(request: AnyRequest, service: FromPath[str]) -> Response[bytes]:
        if service not in services:
            raise NotFound(f"There is no service '{service}'")
        return await page.answer(request)

    @get("/docs/assets/{digest:str}/{name:str}", access=public(), include_in_schema=False)
    async def asset(request: AnyRequest, digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
        # While replicas are replaced, a page of the other version gets what there is, but keeps it for this once.
        return await assets.find(name).answer(request, FOREVER if digest == assets.digest else ASK_FIRST)

    @get("/events", access=public(), operation_id="events", summary="All events, to read", media_type=MediaType.HTML,
         tags=["documentation"])  # fmt: skip
    async def events_of_all(request: AnyRequest) -> Response[bytes]:
        """Who publishes what, and who reacts to it."""
        return await events.answer(request)

    @get("/asyncapi.yaml", access=public(), operation_id="asyncapi", summary="All events, as AsyncAPI 3.0",
         media_type="application/yaml", tags=["documentation"])  # fmt: skip
    async def asyncapi_of_all(request: AnyRequest) -> Response[bytes]:
        """The document behind `/events`."""
        return await document.answer(request)

    @get("/favicon.ico", access=public(), include_in_schema=False)
    async def favicon(request: AnyRequest) -> Response[bytes]:
        return await assets.find("favicon.svg").answer(request)

    @get("/robots.txt", access=public(), include_in_schema=False)
    async def robots(request: AnyRequest) -> Response[bytes]:
        return await ROBOTS.answer(request)

    return [index, docs, docs_of, asset, events_of_all, asyncapi_of_all, favicon, robots]


@get("/", access=public(), include_in_schema=False)
async def index() -> Redirect:
    """Who comes without a path wants to read."""
    return Redirect("/docs", status_code=302)
