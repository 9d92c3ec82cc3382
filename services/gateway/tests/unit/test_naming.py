"""Names for counts and logs: few, and without what a client may have put into its path."""

import pytest
from promenade_gateway.naming import counted_route, logged_route, told_route
from promenade_gateway.routes import NOWHERE, Route, RouteTable

CONTEXTS = ("identity", "customer-management", "order-management", "billing")
TABLE = RouteTable(CONTEXTS)
ID = "01936d2e-7b1c-7f00-8000-000000000000"
ORDERS = "/api/v1/order-management/orders"


def route_of(path: str, method: str = "GET") -> Route:
    return TABLE.find(method, path.encode())


@pytest.mark.parametrize(
    ("path", "counted", "logged"),
    [
        (f"{ORDERS}/{ID}/lines", "/api/v1/order-management/*", f"{ORDERS}/{{id}}/lines"),
        (f"{ORDERS}/s3cret", "/api/v1/order-management/*", f"{ORDERS}/*"),
        (f"{ORDERS}/ORD-2026-000001", "/api/v1/order-management/*", f"{ORDERS}/*"),
        (f"{ORDERS}/{'a' * 31}", "/api/v1/order-management/*", f"{ORDERS}/*"),
        ("/api/v1/billing/plans/hunter2", "/api/v1/billing/plans/{code}", "/api/v1/billing/plans/{code}"),
        ("/api/v1/billing/provider%20s", "/api/v1/billing/*", "/api/v1/billing/*"),
        ("/health", "/health", "/health"),
        ("/health/S3CRET", "/health/*", "/health/*"),
        ("/problems/not-found", "/problems/{slug}", "/problems/{slug}"),
        ("/openapi/billing.json", "/openapi/{service}.json", "/openapi/{service}.json"),
        ("/.well-known/jwks.json", "/.well-known/jwks.json", "/.well-known/jwks.json"),
    ],
)
def test_a_request_that_no_service_has_named(path: str, counted: str, logged: str) -> None:
    """Counted by whose it would be, logged by its words."""
    route = route_of(path)

    assert (counted_route(route), logged_route(route)) == (counted, logged)


def test_whatever_clients_ask_for_there_are_few_names() -> None:
    """A thousand paths are no thousand series."""
    names = {counted_route(route_of(f"{ORDERS}/word{number}/a{number}")) for number in range(1000)}

    assert names == {"/api/v1/order-management/*"}


def test_what_leads_nowhere_has_a_name_too() -> None:
    """Also before anything was looked for."""
    assert (counted_route(NOWHERE), logged_route(NOWHERE)) == ("none", "none")
    assert (counted_route(None), logged_route(None)) == ("none", None)


@pytest.mark.parametrize(
    ("told", "name"), [(None, None), (b"none", None), (b"/orders/{order_id}", "/orders/{order_id}")]
)
def test_a_service_tells_its_template(told: bytes | None, name: str | None) -> None:
    """Unless it knew no route either."""
    assert told_route(told) == name
