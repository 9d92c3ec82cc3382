"""The route table: who may go where."""

from uuid import UUID

import pytest
from gateway_rig import CONTEXTS
from promenade_chassis.ports import NotFound
from promenade_gateway.errors import BadPath
from promenade_gateway.public_routes import PUBLIC_ROUTES, PublicRoute
from promenade_gateway.routes import RouteTable
from promenade_kernel.values.ids import new_id

TABLE = RouteTable(CONTEXTS)


def an_example(route: PublicRoute) -> str:
    return (
        route.path.replace("{user_id:uuid}", str(new_id()))
        .replace("{service}", "billing")
        .replace("{slug}", "not-found")
        .replace("{code}", "gold")
        .replace("{digest}", "0123456789abcdef")
        .replace("{name}", "docs.js")
        .replace("{provider}", "simulated")
    )


@pytest.mark.parametrize("route", PUBLIC_ROUTES, ids=lambda route: route.name)
def test_a_listed_route_needs_no_token(route: PublicRoute) -> None:
    """Every entry of the list is found, in its method, with its limits."""
    found = TABLE.find(route.method, an_example(route).encode())

    assert found.public
    assert found.limit == route.limit


@pytest.mark.parametrize("route", [r for r in PUBLIC_ROUTES if r.path.startswith("/api/")], ids=lambda r: r.name)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_another_method_of_a_listed_route_needs_one(route: PublicRoute, method: str) -> None:
    """A route is public in one method only."""
    assert not TABLE.find(method, an_example(route).encode()).public


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/identity/me"),
        ("POST", "/api/v1/identity/auth/logout"),
        ("POST", "/api/v1/identity/auth/password/change"),
        ("GET", "/api/v1/identity/auth/sessions"),
        ("GET", "/api/v1/identity/profiles/me"),
        ("GET", f"/api/v1/identity/profiles/{UUID(int=7)}/more"),
        ("POST", "/api/v1/billing/plans"),
        ("GET", "/api/v1/billing/plans/gold/versions"),
        ("POST", "/api/v1/identity/auth/login/more"),
        ("POST", "/api/v1/identity/AUTH/login"),
        ("POST", "/api/v1/billing/auth/login"),
        ("GET", "/api/v1/order-management"),
    ],
)
def test_what_is_not_listed_needs_a_token(method: str, path: str) -> None:
    """Everything else is private, whatever it looks like."""
    assert not TABLE.find(method, path.encode()).public


@pytest.mark.parametrize(
    "path",
    ["/api/v1/identity/auth/login/", "/api/v1/identity/auth/%6cogin", "/api/v1/%69dentity/auth/login"],
)
def test_spellings_of_login_are_login(path: str) -> None:
    """No spelling that a service understands as login escapes login's limits."""
    assert TABLE.find("POST", path.encode()).limit == "login"


def test_head_is_as_public_as_get() -> None:
    """HEAD asks for nothing that GET would not give."""
    assert TABLE.find("HEAD", b"/api/v1/billing/plans").public
    assert not TABLE.find("HEAD", b"/api/v1/identity/me").public


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_prefix_leads_to_its_context(context: str) -> None:
    """`/api/v1/<context>/…` belongs to that context and is forwarded as it is."""
    route = TABLE.find("GET", f"/api/v1/{context}/things/{new_id()}/parts/7".encode())

    assert route.context == context
    assert route.target is None
    assert route.template == f"/api/v1/{context}/things/{{id}}/parts/7"


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/v1",
        "/api/v1/nothing/x",
        "/api/v2/billing/plans",
        "/apis/v1/billing",
        "/openapi/x.json",
        "/openapi/billing.yaml",
        "/openapi/billing",
        "/.well-known/other",
        "/metrics",
        "/docs.html",
        "/asyncapi.json",
    ],
)
def test_a_path_of_no_context_is_not_found(path: str) -> None:
    """What is not in the table does not exist."""
    with pytest.raises(NotFound):
        TABLE.find("GET", path.encode())


def test_no_path_climbs_into_another_context() -> None:
    """A dot segment is refused before the table is asked."""
    with pytest.raises(BadPath):
        TABLE.find("GET", b"/api/v1/billing/../identity/me")


def test_documents_and_keys_are_fetched_from_the_services() -> None:
    """The keys come from Identity's root, each specification from its service's."""
    assert TABLE.find("GET", b"/.well-known/jwks.json").context == "identity"
    assert TABLE.find("GET", b"/openapi/billing.json").target == b"/openapi.json"
    assert TABLE.find("GET", b"/openapi/gateway.json").context is None


def test_bodies_are_limited_by_route() -> None:
    """Imports may be large, credentials are looked into and small, the rest is ordinary."""
    assert TABLE.find("POST", b"/api/v1/customer-management/customers/imports").body == "import"
    assert TABLE.find("GET", b"/api/v1/customer-management/customers/imports").body == "ordinary"
    assert TABLE.find("POST", b"/api/v1/identity/auth/login").body == "credentials"
    assert TABLE.find("POST", b"/api/v1/order-management/orders").body == "ordinary"
