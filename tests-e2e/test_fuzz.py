"""schemathesis on every specification, through the gateway: what is answered is what is documented."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import schemathesis
from e2e_stack import Silence, Stack
from fuzz_world import ENDING, Caller, World, client_of, furnish, register
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from promenade_chassis.http.openapi import merged_document
from promenade_chassis.testing.polling import stretched
from promenade_local.story import tell
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

ROOT = Path(__file__).parents[1]
SERVICES = ("gateway", "identity", "customer-management", "order-management", "billing")
FACTOR = int(os.environ.get("PROMENADE_FUZZ_CASES", "1"))
# Cases of a route, valid ones and as many others, for each who asks; the first is always the simplest there is.
CASES = {"staff": 3, "user": 2, "stranger": 1}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MODES = {GenerationMode.POSITIVE: CHECKS, GenerationMode.NEGATIVE: [*CHECKS, negative_data_rejection]}


def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The same document, but a field that it does not name is a fault."""
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return document


def specification() -> dict[str, Any]:
    committed = {name: json.loads((ROOT / f"services/{name}/openapi.json").read_text("utf-8")) for name in SERVICES}
    return strict(merged_document(committed, "Promenade"))


DOCUMENT = specification()
# Tokens are ours to send: one that was made up would only show once more what a 401 looks like.
CONFIG = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as kept:
        yield kept


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """The story once told, and two people and a stranger."""
    scene = stack.scene(Silence())
    asyncio.run(tell(scene))
    staff = Caller(client_of(stack), scene.admin_email, scene.admin_password)
    staff.sign_in()
    user = register(stack)
    return World(stack.url, {"staff": staff, "user": user, "stranger": None}, furnish(staff, user, register(stack)))


@pytest.mark.parametrize("who", CASES)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_documented(world: World, session: requests.Session, label: str, who: str) -> None:
    """Whatever anybody sends: status, headers and body are documented, and what the schema forbids is refused."""
    # Ten wrong passwords lock the account.
    times = 1 if OPERATIONS[label].definition.raw["operationId"] == "change_password" else FACTOR

    for mode, checks in MODES.items():
        for case in made(label, mode)[: times * CASES[who]]:
            answer(world, session, who, checks, case)


@pytest.mark.parametrize("label", [label for label, operation in OPERATIONS.items() if operation.body])
def test_the_examples_of_bodies_are_understood(world: World, session: requests.Session, label: str) -> None:
    """Whoever copies one may meet a refusal, but not for its form."""
    operation = OPERATIONS[label]
    path = {parameter.name: next(world.ids[parameter.name]) for parameter in operation.path_parameters}
    (named,) = operation.definition.raw["requestBody"]["content"]["application/json"]["examples"].values()
    body = DOCUMENT["components"]["examples"][named["$ref"].rpartition("/")[2]]["value"]
    case = operation.Case(path_parameters=path, body=body, media_type="application/json", headers={"If-Match": "*"})

    found = case.call_and_validate(base_url=world.url, session=session, headers=world.headers("staff"), checks=CHECKS)

    assert found.status_code not in {400, 415}, found.text
    # A code that was never sent, a password that is not the present one: nobody could know them.
    guessed = {"invalid-code", "wrong-password"}
    faults = found.json().get("errors", [found.json()]) if found.status_code == 422 else []
    assert {fault["code"] for fault in faults} <= guessed, found.text
    world.renew("staff", found.status_code)


def test_an_undocumented_answer_is_noticed(world: World, session: requests.Session) -> None:
    """The negative control: a 404 that the specification does not tell of."""
    document = copy.deepcopy(DOCUMENT)
    label = "GET /api/v1/order-management/orders/{order_id}"
    document["paths"][label.partition(" ")[2]]["get"]["responses"].pop("404")
    silent = schemathesis.openapi.from_dict(document, config=CONFIG).find_operation_by_label(label)
    case = silent.Case(path_parameters={"order_id": str(uuid4())})

    with pytest.raises(FailureGroup, match="Undocumented status code"):
        case.call_and_validate(base_url=world.url, session=session, headers=world.headers("staff"), checks=CHECKS)


@pytest.mark.long
@pytest.mark.parametrize("who", CASES)
def test_the_edges_of_every_limit_are_documented(world: World, tmp_path: Path, who: str) -> None:
    """schemathesis' own walk: the examples, every edge of every limit, methods and types that nobody expects."""
    (tmp_path / "openapi.json").write_text(json.dumps(DOCUMENT), "utf-8")
    headers = [word for name, value in world.headers(who).items() for word in ("-H", f"{name}: {value}")]
    options = ["--checks", ",".join(check.__name__ for check in CHECKS), "--phases", "examples,coverage"]
    options += ["--seed", "1", "--continue-on-failure"]
    options += [word for name in sorted(ENDING) for word in ("--exclude-operation-id", name)]

    run = subprocess.run(
        [Path(sys.executable).with_name("st"), "run", "openapi.json", "--url", world.url, *headers, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=stretched(900),
    )

    assert run.returncode == 0, run.stdout[-20_000:]


@cache
def made(label: str, mode: GenerationMode) -> list[Any]:
    """Cases of a route, always the same ones, as many as anybody asks with: making them takes longer than asking."""
    found: list[Any] = []

    @settings(
        max_examples=FACTOR * max(CASES.values()),
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def make(case: Any) -> None:
        found.append(case)

    # Where a route takes nothing, or takes everything, there is nothing that it could refuse.
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        make()
    return found


def answer(world: World, session: requests.Session, who: str, checks: list[Any], case: Any) -> None:
    """Send one case and look at the answer."""
    if case.meta.generation.mode is GenerationMode.POSITIVE:
        case.path_parameters.update({name: next(world.ids[name]) for name in case.path_parameters if name in world.ids})
    headers = world.headers(who)
    if re.fullmatch("[ -~]+", str(case.headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid4())  # sent twice, the second answer would be the first one's
    found = case.call_and_validate(base_url=world.url, session=session, headers=headers, checks=checks)
    world.renew(who, found.status_code)
