"""One browser and one stack for all of them; a page of its own for each test."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from e2e_browser import WITHIN, Docs, Faults, chromium
from e2e_stack import Stack
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Generator[Browser, None, None]:
    with chromium() as running:
        yield running


@pytest.fixture
def look() -> dict[str, Any]:
    """How the window looks; tests that mean another one parametrize it."""
    return {}


@pytest.fixture
def docs(stack: Stack, browser: Browser, look: dict[str, Any]) -> Generator[Docs, None, None]:
    """A new reader's page. Whatever a test does: no complaint in the console, no request to anywhere else."""
    window = {"viewport": {"width": 1280, "height": 900}, **look}
    context = browser.new_context(base_url=stack.url, permissions=["clipboard-read", "clipboard-write"], **window)
    context.set_default_timeout(WITHIN)
    page = context.new_page()
    faults = Faults(stack.url)
    faults.watch(page)
    yield Docs(page, faults)
    context.close()
    assert faults.said == []
    assert faults.foreign == []
