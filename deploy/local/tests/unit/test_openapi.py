"""The specifications: complete, valid, and with examples that do not lie."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator
from promenade_chassis.http.openapi import Document, documentation_of, merged_document
from promenade_local import openapi_commands
from promenade_local.openapi_commands import NAMES, app, document_of
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from typer.testing import CliRunner, Result

DOCUMENTS = {name: document_of(name) for name in NAMES}


def operations(document: Document) -> Iterator[tuple[str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def validator(document: Document, pointer: str) -> Draft202012Validator:
    """Checks values against a part of the document, formats too."""
    registry: Any = Registry().with_resource("urn:spec", DRAFT202012.create_resource(document))
    return Draft202012Validator({"$ref": f"urn:spec#{pointer}"}, registry=registry, format_checker=FormatChecker())


@pytest.mark.parametrize("name", NAMES)
def test_a_specification_is_valid(name: str) -> None:
    """As OpenAPI 3.1 says."""
    assert list(OpenAPIV31SpecValidator(DOCUMENTS[name]).iter_errors()) == []


def test_the_merged_specification_is_valid_and_whole() -> None:
    """Every operation of every service is in it, and refers to the components of its own service."""
    merged = merged_document(DOCUMENTS, "Promenade")

    assert list(OpenAPIV31SpecValidator(merged).iter_errors()) == []
    assert merged["paths"].keys() == {path for document in DOCUMENTS.values() for path in document["paths"]}
    place = merged["paths"]["/api/v1/order-management/orders/{order_id}/place"]["post"]["responses"]
    assert place["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/order-management.OrderResource")
    assert place["409"]["$ref"].endswith("/order-management.Conflict")


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_is_told(name: str) -> None:
    """Each has an id of its own, a summary, a description, a tag that is described, and answers of both kinds."""
    document = DOCUMENTS[name]
    described = {tag["name"] for tag in document["tags"] if tag["description"]}

    for label, operation in operations(document):
        assert operation["operationId"], label
        assert operation["summary"], label
        assert operation["description"].split("\n")[0] not in ("", "Public.", operation["summary"]), label
        assert set(operation["tags"]) <= described, label
        assert any(status.startswith("2") for status in operation["responses"]), label
        assert {"400", "401", "429"} <= operation["responses"].keys(), label
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_examples_do_not_lie(name: str) -> None:
    """Each is valid where it stands: components, bodies, answers and refusals."""
    document = DOCUMENTS[name]
    components = document["components"]

    objects = {name for name, schema in components["schemas"].items() if "properties" in schema}
    assert components["examples"].keys() == objects - {"Problem", "ProblemFault"}
    for component, example in components["examples"].items():
        validator(document, f"/components/schemas/{component}").validate(example["value"])
    for refusal in components["responses"].values():
        example = refusal["content"]["application/problem+json"]["example"]
        validator(document, "/components/schemas/Problem").validate(example)
    for label, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert "example" not in parameter, label  # pages that let a reader try a call would send it


@pytest.mark.parametrize("name", NAMES)
def test_bodies_and_answers_have_examples(name: str) -> None:
    """Whatever is a component of its own is shown by the example of that component."""
    for label, operation in operations(DOCUMENTS[name]):
        contents = [operation.get("requestBody", {}).get("content", {})]
        contents += [answer.get("content", {}) for answer in operation["responses"].values() if "$ref" not in answer]
        for content in (part for parts in contents for part in parts.values()):
            component = content["schema"].get("$ref", "").rpartition("/")[2]
            named = [part["$ref"].rpartition("/")[2] for part in content.get("examples", {}).values()]
            assert named == ([component] if component else []), label


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"gateway"}))
def test_what_a_service_says_is_about_what_it_has(name: str) -> None:
    """Its examples name components and fields that there are; its tags are in use."""
    document = DOCUMENTS[name]
    said = documentation_of(openapi_commands.application_of(name))
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}

    assert said.tags.keys() == used
    for component, fields in said.examples.items():
        assert fields.keys() <= document["components"]["schemas"][component]["properties"].keys(), component


@pytest.mark.parametrize("name", NAMES)
def test_requests_refuse_what_they_do_not_know(name: str) -> None:
    """The schema of every request body forbids other fields, in all its parts."""
    document = DOCUMENTS[name]
    schemas = document["components"]["schemas"]

    for _, operation in operations(document):
        body = operation.get("requestBody")
        if body is not None:
            component = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert schemas[component]["additionalProperties"] is False


def test_only_what_happens_is_documented() -> None:
    """428 where If-Match is needed, 412 where it is honoured, 403 where one signs in, keys where they count."""
    orders = dict(operations(DOCUMENTS["order-management"]))
    login = dict(operations(DOCUMENTS["identity"]))["POST /api/v1/identity/auth/login"]
    change = orders["PATCH /api/v1/order-management/orders/{order_id}"]
    place = orders["POST /api/v1/order-management/orders/{order_id}/place"]

    def named(operation: Any) -> dict[str, bool]:
        return {parameter["name"]: parameter["required"] for parameter in operation.get("parameters", ())}

    assert {"412", "428"} <= change["responses"].keys()
    assert named(change) == {"order_id": True, "If-Match": True}
    assert "428" not in place["responses"]
    assert named(place) == {"order_id": True, "If-Match": False, "Idempotency-Key": False}
    assert "requestBody" not in place
    assert not {"403", "404", "412", "428"} & login["responses"].keys()
    assert named(login) == {}
    assert place["responses"]["200"]["headers"].keys() >= {"ETag", "Idempotent-Replayed", "X-Request-Id", "RateLimit"}


def run(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["billing", "--directory", str(directory), *arguments])


@pytest.fixture
def services(tmp_path: Path) -> Path:
    """A folder with billing's specification, written and released."""
    (tmp_path / "billing").mkdir()
    assert run(tmp_path, "--release").exit_code == 0
    return tmp_path


def rewrite(file: Path, version: str | None = None, field: str | None = None) -> None:
    document = json.loads(file.read_text("utf-8"))
    document["info"]["version"] = version or document["info"]["version"]
    if field is not None:
        document["components"]["schemas"]["InvoiceResource"]["properties"][field] = {"type": "string"}
    file.write_text(json.dumps(document), "utf-8")


def test_what_is_written_passes_the_check(services: Path) -> None:
    """Once more nothing changes, and the check has nothing to say."""
    assert run(services).output == ""
    assert run(services, "--check").exit_code == 0


def test_a_stale_specification_fails_the_check(services: Path) -> None:
    """The negative control: a committed file that the routes do not say."""
    rewrite(services / "billing/openapi.json", field="colour")

    answer = run(services, "--check")

    assert answer.exit_code == 1
    assert "billing/openapi.json is stale" in answer.output


def test_a_break_fails_the_check_unless_the_version_says_so(services: Path) -> None:
    """The negative control: what was released had a field more; an older release may be broken."""
    rewrite(services / "billing/openapi.released.json", field="colour")

    refused = run(services, "--check")
    rewrite(services / "billing/openapi.released.json", version="0.0.9")
    allowed = run(services, "--check")

    assert refused.exit_code == 1
    assert "GET /api/v1/billing/invoices/{invoice_id} 200/colour: was removed" in refused.output
    assert allowed.exit_code == 0


def test_a_release_does_not_forget_what_was_promised(services: Path) -> None:
    """Noting a new release is no way round: it is refused as the check is, until the version says so."""
    released = services / "billing/openapi.released.json"
    rewrite(released, field="colour")
    promised = released.read_text()

    refused = run(services, "--release")

    assert refused.exit_code == 1
    assert "colour" in refused.output
    assert released.read_text() == promised
    rewrite(released, version="0.0.9")
    assert run(services, "--release").exit_code == 0


def test_nothing_released_fails_the_check(services: Path) -> None:
    """Otherwise a service without the file would be free to break."""
    (services / "billing/openapi.released.json").unlink()

    assert "is missing" in run(services, "--check").output
