"""The kernel does no I/O and never touches a binary float."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from promenade_kernel.values import money

SOURCES = sorted(Path(money.__file__).parents[1].rglob("*.py"))
ALLOWED = {"msgspec", "phonenumbers", "email_validator", "iso4217", "iso3166", "promenade_kernel"}
IO = {"socket", "asyncio", "subprocess", "http", "urllib", "sqlite3", "logging", "multiprocessing"}


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _floats(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_there_is_no_float(path: Path):
    """No float literal, type or conversion stands anywhere in the kernel."""
    assert list(_floats(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_imports_nothing_that_does_io(path: Path):
    """The kernel imports the standard library without I/O, and five libraries."""
    for module in _imports(ast.parse(path.read_text())):
        root = module.partition(".")[0]
        assert root in ALLOWED or root in sys.stdlib_module_names - IO
        assert not module.startswith("promenade_kernel.events") or "values" not in path.parts


def test_the_checks_see_what_they_look_for():
    """The negative control: floats and imports are found where they are."""
    tree = ast.parse("import socket\nfrom http.client import X\nrate = float('1')\nprice = 1.5\n")

    assert list(_imports(tree)) == ["socket", "http.client"]
    assert sorted(_floats(tree)) == [3, 4]
