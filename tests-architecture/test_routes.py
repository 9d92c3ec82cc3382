"""Every route of the house declares what api.md asks of its kind; the routes come from the applications themselves."""

from dataclasses import replace

import pytest
from promenade_chassis.http.openapi import Document
from promenade_chassis.testing.route_contract import WriteRoute, write_routes
from promenade_local.openapi_commands import application_of, document_of
from promenade_local.single import BUILDERS

APPS = {context: application_of(context) for context in BUILDERS}
ROUTES = [
    pytest.param(context, route, id=route.operation_id) for context in APPS for route in write_routes(APPS[context])
]


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    """The specification of each service."""
    return {context: document_of(context) for context in APPS}


def complaints(route: WriteRoute) -> list[str]:
    """What a route does not do as its kind must."""
    signed_post = route.method == "POST" and not route.is_public
    told = {
        "honours Idempotency-Key": (signed_post and not route.ignores_keys, route.should_honour_keys),
        "takes If-Match": (route.takes_if_match, route.should_take_if_match),
        "needs If-Match": (route.needs_if_match, route.should_need_if_match),
    }
    return [
        f"{route.operation_id} {what}: {does}, should be {should}"
        for what, (does, should) in told.items()
        if does is not should
    ]


@pytest.mark.parametrize(("context", "route"), ROUTES)
def test_a_route_does_as_its_kind(context: str, route: WriteRoute) -> None:
    """Keys on every POST of a signed-in caller but for tokens, previews and callbacks; If-Match on every change."""
    assert complaints(route) == []


@pytest.mark.parametrize(("context", "route"), ROUTES)
def test_the_specification_says_so(documents: dict[str, Document], context: str, route: WriteRoute) -> None:
    """Its headers are parameters, and 428 is an answer where If-Match is needed."""
    paths = documents[context]["paths"]
    operation = next(
        method for path in paths.values() for method in path.values() if method.get("operationId") == route.operation_id
    )
    headers = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}

    assert ("Idempotency-Key" in headers) is route.should_honour_keys
    assert ("If-Match" in headers) is route.should_take_if_match
    assert ("428" in operation["responses"]) is route.should_need_if_match


ORDER = WriteRoute("PATCH", "/api/v1/order-management/orders/{order_id:uuid}", "change", False, False, True, True)
NOTE = WriteRoute("POST", "/api/v1/customer-management/customers/{id:uuid}/note", "note", False, False, True, False)
LOGIN = WriteRoute("POST", "/api/v1/identity/auth/logout", "logout", False, True, False, False)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ORDER, needs_if_match=False),
        replace(ORDER, path=ORDER.path.replace("orders", "customers")),
        replace(NOTE, takes_if_match=False),
        replace(NOTE, ignores_keys=True),
        replace(NOTE, path=NOTE.path + "/preview"),
        replace(NOTE, path="/api/v1/billing/provider/callbacks/{provider:str}"),
        replace(LOGIN, ignores_keys=False),
    ],
)
def test_a_route_that_forgets_something_would_be_noticed(wrong: WriteRoute) -> None:
    """Each of the three."""
    assert [complaints(good) for good in (ORDER, NOTE, LOGIN)] == [[], [], []]
    assert complaints(wrong)
