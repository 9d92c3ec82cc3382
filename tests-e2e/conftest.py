"""Stacks for the end-to-end tests. Whatever problem they answer, its `type` leads to a page."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import pytest
from e2e_shared import OPTIONS, OneProcessForSharers, SharedStacks, in_order, shared_by
from e2e_stack import Stack, running_stack

STACKS = pytest.StashKey[SharedStacks]()


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


@pytest.fixture(scope="session")
def shared_stacks(request: pytest.FixtureRequest) -> Generator[SharedStacks, None, None]:
    """What is still running at the end, as after Ctrl-C, is stopped."""
    stacks = request.config.stash[STACKS]
    yield stacks
    stacks.stop_unless(())


@pytest.fixture(scope="module")
def stack(
    request: pytest.FixtureRequest, shared_stacks: SharedStacks, problem_types: set[str]
) -> Generator[Stack, None, None]:
    """Five processes, four databases, one Redis; shared with those whom `e2e_shared` names."""
    with _stack("stack", request.path, shared_stacks) as running:
        yield running
        _lead_somewhere(running, problem_types)


@pytest.fixture(scope="module")
def single(
    request: pytest.FixtureRequest, shared_stacks: SharedStacks, problem_types: set[str]
) -> Generator[Stack, None, None]:
    """All five applications in one process, on the memory bus; shared as `stack` is."""
    with _stack("single", request.path, shared_stacks) as running:
        yield running
        _lead_somewhere(running, problem_types)


def _stack(name: str, file: Path, shared: SharedStacks) -> AbstractContextManager[Stack]:
    return nullcontext(shared.lend(name)) if name in shared_by(file) else running_stack(*OPTIONS[name])


def pytest_configure(config: pytest.Config) -> None:
    """One collection of stacks for each process of pytest."""
    config.stash[STACKS] = SharedStacks()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who shares a stack runs one after the other."""
    items[:] = in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """… and in the same process, where files are dealt to several."""
    return OneProcessForSharers(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A shared stack ends with the last test that is for it; what goes wrong then is an error of that test."""
    item.config.stash[STACKS].stop_unless(shared_by(nextitem.path) if nextitem else ())
