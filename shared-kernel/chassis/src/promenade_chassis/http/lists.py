"""Lists: their parameters from their declaration, cursors, and the Link to the next page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from inspect import Parameter, Signature
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlencode

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from msgspec import Meta

from promenade_chassis.http.access import Access, principal_of
from promenade_chassis.http.answers import Json
from promenade_chassis.http.cursors import Cursors
from promenade_chassis.http.parameters import spelled
from promenade_chassis.http.resources import Moment
from promenade_chassis.ports import ListOf, Ordering, Page, PageRequest, Place

Item = TypeVar("Item")
Wanted = TypeVar("Wanted")
AnyRequest = Request[Any, Any, Any]
AnyList = ListOf[Any, Any]

_RANGES = {"_from": "At this time or later", "_to": "Before this time"}


class UndeclaredList(RuntimeError):
    """A route that answers a list without declaring it does not start."""


class Listing(msgspec.Struct, Generic[Item]):
    """One page of a list; `next_cursor` goes into `?cursor=` for the next one, null on the last."""

    items: list[Item]
    next_cursor: str | None


class ListRequest(Generic[Wanted]):
    """What a list is asked for: `wanted` narrows it, `page` says which rows and in which order."""

    # No dataclass: msgspec would look into it, and into the filters, to check what a handler is given.
    def __init__(
        self, wanted: Wanted, page: PageRequest, *, request: AnyRequest, write_cursor: Callable[[Place], str]
    ) -> None:
        self.wanted = wanted
        self.page = page
        self._request = request
        self._write_cursor = write_cursor

    def next_page(self, after: Place) -> tuple[str, str]:
        """The cursor of the next page, and its Link: the same path, filters and sort."""
        cursor = self._write_cursor(after)
        query = [(key, value) for key, value in self._request.query_params.multi_items() if key != "cursor"]
        return cursor, f'<{self._request.url.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'


# What handlers of lists ask for, under the name `asked`; `listing` provides it.
Asked = NamedDependency[ListRequest[Wanted]]


def listing(path: str, declared: AnyList, *, access: Access, operation_id: str, summary: str) -> get:
    """A GET that answers a list: its filters, `sort`, `limit` and `cursor` are those that the list declares."""
    return get(
        path,
        access=access,
        operation_id=operation_id,
        summary=summary,
        dependencies={"asked": Provide(_asking(declared, access, operation_id))},
        listing=declared,
    )


def listed(asked: ListRequest[Any], page: Page[Item]) -> Response[Listing[Item]]:
    """200 with one page, and a Link to the next one when there is more."""
    cursor, link = asked.next_page(page.next_after) if page.next_after else (None, None)
    headers = {"Link": link} if link else {}
    return Json(Listing(items=list(page.items), next_cursor=cursor), status_code=200, headers=headers)


def declared_lists(app: Litestar) -> dict[str, AnyList]:
    """Every list of an application by its operation; raises `UndeclaredList` for a route that answers one unasked."""
    found: dict[str, AnyList] = {}
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if not isinstance(handler, HTTPRouteHandler) or not _answers_a_list(handler):
                continue
            declared: AnyList | None = handler.opt.get("listing")
            if declared is None or "asked" not in handler.parsed_fn_signature.parameters:
                raise UndeclaredList(f"{route.path} answers a list that it does not declare: use `listing` and `asked`")
            found[str(handler.operation_id)] = declared
    return found


def _answers_a_list(handler: HTTPRouteHandler) -> bool:
    answer: Any = handler.parsed_fn_signature.return_type.annotation
    inner = get_args(answer)[0] if get_origin(answer) is Response else answer
    return Listing in (inner, get_origin(inner))


def _asking(declared: AnyList, access: Access, operation_id: str) -> Callable[..., Any]:
    """The provider of `asked`. Its parameters are made from the declaration, so Litestar reads and documents them."""

    async def ask(
        request: AnyRequest, cursors: Cursors, limit: int, sort: str, cursor: str | None, **filters: Any
    ) -> ListRequest[Any]:
        order = declared.order(sort)
        wanted = declared.filters(**{name: _plain(value) for name, value in filters.items()})
        belongs_to = _belongs_to(operation_id, request, order, wanted, access)
        after = cursors.read(cursor, belongs_to, order) if cursor is not None else None
        return ListRequest(
            wanted,
            PageRequest(limit, after, order.word),
            request=request,
            write_cursor=lambda place: cursors.write(place, belongs_to),
        )

    parameters = [
        _keyword("request", AnyRequest),
        _keyword("cursors", NamedDependency[Cursors]),
        *_parameters(declared),
    ]
    signed: Any = ask
    signed.__signature__ = Signature(parameters, return_annotation=ListRequest[Any])
    signed.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": ListRequest[Any]}
    return signed


def _belongs_to(operation_id: str, request: AnyRequest, order: Ordering, wanted: object, access: Access) -> bytes:
    """What a cursor is good for: this route, these filters, this order, and for whom."""
    return msgspec.json.encode([operation_id, request.path_params, order.word, wanted, _reach(request, access)])


def _reach(request: AnyRequest, access: Access) -> str:
    """Whose list it is: the caller's own, or everybody's."""
    principal = principal_of(request.scope)
    if principal is None or access.kind != "own":
        return ""
    return "" if access.permission and principal.may(access.permission) else str(principal.id)


def _plain(value: Any) -> Any:
    return value.instant if isinstance(value, Moment) else value


def _parameters(declared: AnyList) -> list[Parameter]:
    hints = get_type_hints(declared.filters, include_extras=True)
    names = [field.name for field in fields(declared.filters) if field.name != declared.own]
    limit = QueryParameter(ge=1, le=100, description="How many, 1 to 100.")
    sort = QueryParameter(
        description="What to sort by, with `-` the other way round. Items that have no value stand last.",
        schema_extra={"enum": list(declared.words)},
    )
    cursor = QueryParameter(description="`next_cursor` of the page before; the other parameters stay as they were.")
    return [
        *(_keyword(name, _filter(name, hints[name]), None) for name in names),
        _keyword("sort", Annotated[str, sort], declared.default),
        _keyword("limit", Annotated[int, limit], 25),
        _keyword("cursor", Annotated[str | None, cursor], None),
    ]


def _filter(name: str, hint: Any) -> Any:
    """A filter's type as a query parameter: with its limits and its description, times checked by `Moment`."""
    inner = next(kind for kind in get_args(hint) if kind is not type(None))
    kind, meta = (inner.__origin__, inner.__metadata__[0]) if get_origin(inner) is Annotated else (inner, Meta())
    return Annotated[
        (Moment if kind is datetime else kind) | None,
        QueryParameter(
            name=spelled(name),
            min_length=meta.min_length,
            max_length=meta.max_length,
            description=meta.description or _range(spelled(name)),
        ),
    ]


def _range(name: str) -> str | None:
    text = next((text for ending, text in _RANGES.items() if f"_{name}".endswith(ending)), None)
    return f"{text}; RFC 3339 with a zone." if text else None


def _keyword(name: str, annotation: Any, default: Any = Parameter.empty) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
