"""Stacks for the end-to-end tests, one a module. Whatever problem they answer, its `type` leads to a page."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import httpx
import pytest
from e2e_stack import Stack, running_stack


@pytest.fixture(scope="module")
def problem_types() -> Generator[set[str], None, None]:
    """The `type` of every problem that any client of these tests is answered with."""
    seen: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        _notice_problems(patch, seen)
        yield seen


def _notice_problems(patch: pytest.MonkeyPatch, seen: set[str]) -> None:
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def notice(answer: httpx.Response) -> httpx.Response:
        is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
        if is_problem and answer.is_closed and answer.content:  # a HEAD has none
            seen.add(answer.json()["type"])
        return answer

    def noticing(self: httpx.Client, *arguments: Any, **named: Any) -> httpx.Response:
        return notice(send(self, *arguments, **named))

    async def noticing_async(self: httpx.AsyncClient, *arguments: Any, **named: Any) -> httpx.Response:
        return notice(await send_async(self, *arguments, **named))

    patch.setattr(httpx.Client, "send", noticing)
    patch.setattr(httpx.AsyncClient, "send", noticing_async)


def _lead_somewhere(stack: Stack, types: set[str]) -> None:
    """Each page is there, and is about the problem that led to it."""
    for each in sorted(types):
        page = httpx.get(f"{stack.url}{each}", headers={"Accept": "application/json"})
        assert page.status_code == 200, each
        assert each.endswith(f"/{page.json()['slug']}")


@pytest.fixture(scope="module")
def stack(problem_types: set[str]) -> Generator[Stack, None, None]:
    """Five processes, four databases, one Redis."""
    with running_stack() as running:
        yield running
        _lead_somewhere(running, problem_types)


@pytest.fixture(scope="module")
def single(problem_types: set[str]) -> Generator[Stack, None, None]:
    """All five applications in one process, on the memory bus."""
    with running_stack("--single") as running:
        yield running
        _lead_somewhere(running, problem_types)
