"""Stacks for the end-to-end tests, one a module."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from e2e_stack import Stack, running_stack


@pytest.fixture(scope="module")
def stack() -> Generator[Stack, None, None]:
    """Five processes, four databases, one Redis."""
    with running_stack() as running:
        yield running


@pytest.fixture(scope="module")
def single() -> Generator[Stack, None, None]:
    """All five applications in one process, on the memory bus."""
    with running_stack("--single") as running:
        yield running
