"""Bad input to each route of the story, through the gateway: refused as api.md says, never a 500."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from e2e_stack import Stack

ROUTES = [
    ("POST", "/identity/auth/register"),
    ("POST", "/identity/auth/verify-email"),
    ("POST", "/identity/auth/resend-verification"),
    ("POST", "/identity/auth/login"),
    ("POST", "/identity/auth/refresh"),
    ("POST", "/identity/auth/logout"),
    ("GET", "/identity/auth/sessions"),
    ("GET", "/identity/me"),
    ("GET", "/identity/profiles/me"),
    ("PATCH", "/identity/profiles/me"),
    ("POST", "/identity/contacts"),
    ("GET", "/identity/contacts"),
    ("PATCH", "/identity/contacts/{id}"),
    ("POST", "/identity/contacts/{id}/verify"),
    ("GET", "/customer-management/me"),
    ("GET", "/customer-management/customers"),
    ("POST", "/customer-management/customers"),
    ("GET", "/customer-management/customers/{id}"),
    ("GET", "/customer-management/customers/{id}/timeline"),
    ("POST", "/order-management/orders"),
    ("GET", "/order-management/orders"),
    ("POST", "/order-management/orders/preview"),
    ("GET", "/order-management/orders/{id}"),
    ("PATCH", "/order-management/orders/{id}"),
    ("DELETE", "/order-management/orders/{id}"),
    ("POST", "/order-management/orders/{id}/place"),
    ("POST", "/order-management/orders/{id}/fulfillments"),
    ("GET", "/order-management/fulfillments/{id}"),
    ("POST", "/order-management/fulfillments/{id}/ship"),
    ("POST", "/order-management/fulfillments/{id}/deliver"),
    ("GET", "/billing/invoices"),
    ("GET", "/billing/invoices/{id}"),
    ("POST", "/billing/payments"),
    ("GET", "/billing/payments"),
    ("GET", "/billing/payments/{id}"),
]
NONSENSE: list[tuple[str, bytes, str]] = [
    ("not json", b"{", "application/json"),
    ("not utf-8", b'{"email": "\xff"}', "application/json"),
    ("a list", b"[1]", "application/json"),
    ("unknown field", b'{"zzz": 1}', "application/json"),
    ("wrong types", b'{"email": 1, "password": [], "lines": "x", "currency": {}, "code": null}', "application/json"),
    ("NUL", b'{"email": "a\\u0000b", "name": "\\u0000", "currency": "E\\u0000R"}', "application/json"),
    ("lone surrogate", b'{"name": "\\ud800", "email": "\\ud800@example.com"}', "application/json"),
    ("huge number", b'{"quantity": 1' + b"0" * 400 + b"}", "application/json"),
    ("deep", b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json"),
    ("form", b"a=b", "application/x-www-form-urlencoded"),
]
REFUSED = {400, 401, 403, 404, 409, 412, 413, 415, 422, 428}


@pytest.fixture(scope="module")
def staff(stack: Stack) -> dict[str, str]:
    """Headers of the superadmin, so that bad input is reached on every route."""
    scene = stack.scene(listener=None)  # type: ignore[arg-type]
    body = {"email": scene.admin_email, "password": scene.admin_password}
    answer = httpx.post(f"{stack.url}/api/v1/identity/auth/login", json=body)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def is_problem(answer: httpx.Response) -> bool:
    body: dict[str, Any] = answer.json()
    members = {"type", "title", "status", "detail", "instance", "code", "request_id"}
    return answer.headers["content-type"].startswith("application/problem+json") and members <= body.keys()


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nonsense_is_refused_with_a_problem(stack: Stack, staff: dict[str, str], method: str, path: str) -> None:
    """Whatever the body, the answer is a problem that says what is wrong."""
    url = f"{stack.url}/api/v1{path.format(id=uuid4())}"
    with httpx.Client(headers=staff) as client:
        for name, body, media_type in NONSENSE if method not in {"GET", "DELETE"} else []:
            if path.endswith("/auth/logout"):
                continue
            answer = client.request(method, url, content=body, headers={"Content-Type": media_type})
            assert answer.status_code in REFUSED, (name, answer.status_code, answer.text)
            assert is_problem(answer), (name, answer.text)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_needs_what_it_declares(stack: Stack, method: str, path: str) -> None:
    """Without a token only the public routes are reached; a bad token is refused everywhere."""
    url = f"{stack.url}/api/v1{path.format(id=uuid4())}"

    answer = httpx.request(method, url, headers={"Authorization": "Bearer nonsense"})
    anonymous = httpx.request(method, url)

    assert answer.status_code == 401
    assert is_problem(answer)
    assert "www-authenticate" in answer.headers
    public = "/auth/" in path and not path.endswith(("/logout", "/sessions"))
    assert anonymous.status_code == (422 if public else 401), anonymous.text


@pytest.mark.parametrize("path", [path for method, path in ROUTES if method == "GET"])
def test_unknown_parameters_are_refused(stack: Stack, staff: dict[str, str], path: str) -> None:
    """An unknown query parameter is 400, also where the resource does not exist."""
    answer = httpx.get(f"{stack.url}/api/v1{path.format(id=uuid4())}?zzz=1", headers=staff)

    assert answer.status_code == 400, answer.text
    assert is_problem(answer)
