"""Every `code` that the sources can answer with stands in the catalogue of problems, and nothing else does."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from promenade_local.problems import Contradiction, Entry, merged, text_of_catalogue

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "services/gateway/src/promenade_gateway/problems.json"
SOURCES = [
    path
    for pattern in ("shared-kernel/*/src/**/*.py", "services/*/src/**/*.py")
    for path in ROOT.glob(pattern)
    if "testing" not in path.parts
]
# Where the code stands among the arguments of what makes a fault.
FAULT_MAKERS = {"Fault": 2, "invalid_field": 1, "InvalidValue": 0}


def slugs_in(source: str) -> Iterator[str]:
    """What error classes and hand-made problems are called."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(targets=[ast.Name(id="slug")], value=ast.Constant(value=str(slug))):
                yield slug
            case ast.AnnAssign(target=ast.Name(id="slug"), value=ast.Constant(value=str(slug))):
                yield slug
            case ast.keyword(arg="slug", value=ast.Constant(value=str(slug))):
                yield slug
            case ast.Tuple(elts=[ast.Constant(value=int(status)), ast.Constant(value=str(slug)), *_]) if status >= 400:
                yield slug
            case _:
                pass


def codes_in(source: str) -> Iterator[str]:
    """What the entries of `errors` are called."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in FAULT_MAKERS:
                named = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                yield from _texts_of([*named, *node.args[FAULT_MAKERS[name] :][:1]][:1])
            case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super"))), args=[code, *_]):
                yield from (text for text in _texts_of([code]) if " " not in text)  # a class of InvalidValue
            case ast.Assign(targets=[ast.Name(id="_CODES")], value=ast.Tuple(elts=pairs)):
                yield from (text for pair in pairs if isinstance(pair, ast.Tuple) for text in _texts_of(pair.elts[1:]))
            case _:
                pass


def _texts_of(nodes: list[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def entries(kind: str, key: str) -> set[str]:
    return {entry[key] for entry in json.loads(CATALOGUE.read_text(encoding="utf-8"))[kind]}


def test_every_problem_has_its_entry() -> None:
    """And no entry is of a problem that nobody answers any more."""
    used = {slug for path in SOURCES for slug in slugs_in(path.read_text(encoding="utf-8"))}

    assert used == entries("problems", "slug")


def test_every_fault_has_its_entry() -> None:
    """And no entry is of a fault that nobody finds any more."""
    used = {code for path in SOURCES for code in codes_in(path.read_text(encoding="utf-8"))}
    # A problem of a single fault calls the fault by its own name.
    used |= {"amount-exceeds-due"}

    assert used == entries("faults", "code")


def test_the_catalogue_is_what_the_code_says() -> None:
    """`just problems` has been run since an error was changed."""
    assert CATALOGUE.read_text(encoding="utf-8") == text_of_catalogue()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('class A(Conflict):\n    slug = "new-slug"', ["new-slug"]),
        ('problem_body(status=400, slug="new-slug")', ["new-slug"]),
        ('self._refusal = (400, "new-slug", "A title")', ["new-slug"]),
        ('class A(Conflict):\n    title = "no slug"', []),
    ],
)
def test_a_new_problem_would_be_noticed(source: str, found: list[str]) -> None:
    """In each of the ways in which the house makes problems."""
    assert list(slugs_in(source)) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('Fault("/a", "detail", "new-code")', ["new-code"]),
        ('Fault(pointer="/a", detail="detail", code="new-code")', ["new-code"]),
        ('invalid_field("/a", "new-code", f"detail")', ["new-code"]),
        ('raise InvalidValue("new-code", "Detail.")', ["new-code"]),
        ('super().__init__("new-code", f"Detail.")', ["new-code"]),
        ('_CODES = (("Expected", "new-code"),)', ["new-code"]),
        ("Fault(pointer, fault.detail, fault.code)", []),
    ],
)
def test_a_new_fault_would_be_noticed(source: str, found: list[str]) -> None:
    """In each of the ways in which the house makes faults."""
    assert list(codes_in(source)) == found


def entry(**changed: object) -> Entry:
    return {"slug": "a", "status": 409, "meaning": "M.", "advice": "A.", "services": ["billing"], **changed}


@pytest.mark.parametrize("changed", [{"status": 422}, {"meaning": "Else."}, {"advice": "Else."}])
def test_who_shares_a_code_says_the_same_of_it(changed: dict[str, object]) -> None:
    """A client cannot tell which service a code comes from: it has one meaning."""
    with pytest.raises(Contradiction):
        merged(iter([entry(), entry(services=["identity"], **changed)]), "slug")


@pytest.mark.parametrize("missing", ["meaning", "advice"])
def test_a_code_says_what_it_means_and_what_to_do(missing: str) -> None:
    """An error class without docstring or advice is refused."""
    with pytest.raises(Contradiction):
        merged(iter([entry(**{missing: ""})]), "slug")


def test_a_shared_code_names_all_its_services() -> None:
    """Each once, in order."""
    shared = merged(iter([entry(services=[name]) for name in ("identity", "billing", "identity")]), "slug")

    assert shared == [entry(services=["billing", "identity"])]
