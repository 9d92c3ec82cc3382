# ruff: noqa: S101 - asserting is what this module is for
"""Reading answers in tests: a problem is checked as a whole wherever one is expected."""

from __future__ import annotations

from typing import Any

import httpx

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}
FAULT_MEMBERS = {"pointer", "detail", "code"}


def problem_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer; asserts its status, its code and that it is complete (RFC 9457)."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"].partition(";")[0] == "application/problem+json", answer.headers
    body: dict[str, Any] = answer.json()
    assert body.keys() >= MEMBERS, body
    assert (body["code"], body["status"]) == (code, status), body
    assert body["type"].endswith(f"/problems/{code}"), body
    assert body["instance"] == answer.request.url.path, body
    assert body["request_id"] == answer.headers["x-request-id"], body
    assert all(fault.keys() == FAULT_MEMBERS for fault in body.get("errors", [])), body
    return body


def faults_of(answer: httpx.Response) -> set[tuple[str, str]]:
    """Every (pointer, code) of a 422 answer whose faults are listed; none may be named twice."""
    errors = problem_of(answer, 422, "invalid")["errors"]
    found = {(fault["pointer"], fault["code"]) for fault in errors}
    assert len(found) == len(errors), errors
    return found
