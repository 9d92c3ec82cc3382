"""A service stands alone: its tests run where nothing but that service, the kernel and the chassis is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OTHERS = {
    "promenade_identity",
    "promenade_customer_management",
    "promenade_order_management",
    "promenade_gateway",
    "promenade_local",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with billing and what it declares."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv")
    folder = tmp_path_factory.mktemp("alone") / "venv"
    subprocess.run(
        [uv, "sync", "--frozen", "--quiet", "--package", "promenade-billing", "--no-default-groups", "--group", "dev"],
        cwd=ROOT,
        env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(folder), "UV_PYTHON_DOWNLOADS": "never"},
        check=True,
    )
    return folder


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
    """Rules and routes of billing are tested without the other contexts."""
    answer = run(environment, "-m", "pytest", "-q", "services/billing/tests/unit", "services/billing/tests/smoke")

    assert answer.returncode == 0, answer.stdout[-3000:]
    assert " passed" in answer.stdout
