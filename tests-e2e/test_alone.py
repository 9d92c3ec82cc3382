"""A service stands alone: its tests run where nothing but that service, the kernel and the chassis is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALONE = "promenade-customer-management"
OTHERS = {
    "promenade_identity",
    "promenade_billing",
    "promenade_order_management",
    "promenade_gateway",
    "promenade_local",
}


@pytest.fixture(scope="module")
def environment() -> Generator[Path, None, None]:
    """An environment with customer-management and what it declares, and no more.

    It begins as a copy of ours that shares its files, so that nothing has to be compiled again.
    """
    (ROOT / ".tools").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="alone-", dir=ROOT / ".tools"))
    try:
        unfinished = shutil.ignore_patterns("*.pyc.*")  # of whoever compiles at this moment
        shutil.copytree(sys.prefix, folder, True, unfinished, os.link, dirs_exist_ok=True)
        uv = shutil.which("uv") or str(ROOT / ".tools" / "uv")
        subprocess.run(
            [uv, "sync", "--frozen", "--quiet", "--package", ALONE, "--no-default-groups", "--group", "dev"],
            cwd=ROOT,
            env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "UV_PYTHON_DOWNLOADS": "never"},
            check=True,
        )
        yield folder
    finally:
        shutil.rmtree(folder)


def run(environment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(environment / "bin" / "python"), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_nothing_of_another_context_is_installed(environment: Path) -> None:
    """Not one of the other contexts' packages can be imported."""
    code = f"import importlib.util as u; print([n for n in {sorted(OTHERS)!r} if u.find_spec(n)])"

    answer = run(environment, "-c", code)

    assert answer.stdout.strip() == "[]", answer.stderr


def test_its_tests_pass_alone(environment: Path) -> None:
    """Rules and routes of Customer Management are tested without the other contexts."""
    tests = [f"services/customer-management/tests/{tier}" for tier in ("unit", "smoke")]

    answer = run(environment, "-m", "pytest", "-q", *tests)

    assert answer.returncode == 0, answer.stdout[-3000:]
    assert " passed" in answer.stdout
