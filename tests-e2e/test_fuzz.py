"""schemathesis on every specification, through the gateway: what is answered is what is documented."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import schemathesis
from e2e_stack import Silence, Stack
from fuzz_world import ENDING, Caller, World, furnish, register
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from promenade_chassis.http.openapi import merged_document
from promenade_local.story import tell
from schemathesis.checks import not_a_server_error
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
CALLERS = ("staff", "user", "stranger")
CASES = int(os.environ.get("PROMENADE_FUZZ_CASES", "3"))
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


def specification() -> Any:
    committed = {name: json.loads((ROOT / f"services/{name}/openapi.json").read_text("utf-8")) for name in SERVICES}
    return schemathesis.openapi.from_dict(strict(merged_document(committed, "Promenade")))


OPERATIONS = {found.ok().label: found.ok() for found in specification().get_all_operations()}


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as kept:
        yield kept


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    """The story once told, and two people and a stranger."""
    scene = stack.scene(Silence())
    asyncio.run(tell(scene))
    staff = Caller(stack.url, scene.admin_email, scene.admin_password)
    staff.sign_in()
    user = register(stack)
    return World(stack.url, {"staff": staff, "user": user, "stranger": None}, furnish(staff, user))


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_documented(world: World, session: requests.Session, label: str, who: str) -> None:
    """Whatever anybody sends: status, headers and body are documented, and what the schema forbids is refused."""
    operation = OPERATIONS[label]

    for mode, checks in MODES.items():
        ask(operation, mode, partial(answer, world, session, who, checks))


def ask(operation: Any, mode: GenerationMode, run: Any) -> None:
    """Run with so many cases, always the same ones."""
    chosen = settings(
        max_examples=CASES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )

    @chosen
    @given(case=operation.as_strategy(generation_mode=mode))
    def run_all(case: Any) -> None:
        run(case)

    # Where a route takes nothing, or takes everything, there is nothing that it could refuse.
    with suppress(Unsatisfiable) if mode is GenerationMode.NEGATIVE else nullcontext():
        run_all()


def answer(world: World, session: requests.Session, who: str, checks: list[Any], case: Any) -> None:
    known = {name: next(world.ids[name]) for name in case.path_parameters if name in world.ids}
    if case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE:
        case.path_parameters.update(known)
    headers = world.headers(who)
    if "Idempotency-Key" in case.headers:
        headers["Idempotency-Key"] = str(uuid4())  # sent twice, the second answer is the first one's
    case.call_and_validate(base_url=world.url, session=session, headers=headers, checks=checks)
    caller = world.callers[who]
    if caller is not None and case.operation.definition.raw.get("operationId") in ENDING:
        caller.sign_in()
