"""The committed `asyncapi.yaml` and its page, against the specification and against the code."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from promenade_chassis.asyncapi import Reacting
from promenade_kernel.events.registry import all_events, wire_type
from promenade_local import asyncapi
from promenade_local.catalogue import events_page

ROOT = Path(__file__).parents[4]
SCHEMAS = ROOT / "shared-kernel" / "schemas"
SERVED = ROOT / "services" / "gateway" / "src" / "promenade_gateway" / "docs" / "events"
SPECIFICATION = Path(__file__).parent / "asyncapi-3.0.0.schema.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """What is committed."""
    return yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text())


@pytest.fixture(scope="module")
def page() -> str:
    """The page that is committed."""
    return (SCHEMAS / "events.html").read_text()


@pytest.fixture(scope="module")
def at_home() -> Iterator[None]:
    """Where `config/` is found, whatever the tests were started in."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(ROOT)
        yield


@pytest.fixture(scope="module")
def reactions(at_home: None) -> list[Reacting]:
    """What the services subscribe to."""
    del at_home
    return asyncapi.reactions_of_the_suite()


def test_the_committed_files_are_what_the_code_says(at_home: None):
    """The document and its page are generated and up to date, those that the gateway serves as well."""
    del at_home

    assert asyncapi.check(SCHEMAS) == []
    assert asyncapi.check(SERVED) == []


def test_the_document_keeps_the_specification(document: dict[str, Any]):
    """AsyncAPI's own JSON schema of version 3.0.0 has nothing to say."""
    validator = Draft7Validator(json.loads(SPECIFICATION.read_text()))

    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(
    ("place", "nonsense"),
    [
        (("operations", "billing.publishes", "action"), "shout"),
        (("channels", "billing", "address"), 7),
        (("channels", "billing", "adress"), "promenade.billing"),
        (("components", "messages", "order.placed.v1", "payload"), "an order"),
    ],
    ids=lambda part: part[-1] if isinstance(part, tuple) else "",
)
def test_the_specification_is_strict(document: dict[str, Any], place: tuple[str, ...], nonsense: object):
    """The negative control: what is wrong anywhere is found."""
    spoiled = json.loads(json.dumps(document))
    part = spoiled
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = nonsense

    assert not Draft7Validator(json.loads(SPECIFICATION.read_text())).is_valid(spoiled)


@pytest.mark.parametrize("wire", all_events())
def test_examples_fit_what_they_are_examples_of(document: dict[str, Any], wire: str):
    """The whole message, envelope and payload, as the committed document describes it; another type's does not fit."""
    message = document["components"]["messages"][wire]
    validator = Draft202012Validator({**message["payload"], "components": document["components"]})

    assert message["examples"]
    for example in message["examples"]:
        validator.validate(example["payload"])
        assert not validator.is_valid({**example["payload"], "type": "cat.named.v1"})
        assert not validator.is_valid({**example["payload"], "data": {}})


def test_every_reaction_of_every_service_is_told(document: dict[str, Any], reactions: list[Reacting]):
    """No more and no less than what the services subscribe to."""
    told = {
        (operation["tags"][0]["name"], each["name"], wire)
        for operation in document["operations"].values()
        for wire, found in operation.get("x-reactions", {}).items()
        for each in found
        if each["reads"] == wire
    }

    assert {each.context for each in reactions} == {
        "identity",
        "customer-management",
        "order-management",
        "billing",
    }
    assert told == {(each.context, each.name, wire_type(each.event_class)) for each in reactions}


def test_every_reaction_says_what_it_is_for(reactions: list[Reacting]):
    """Its docstring is what readers of the document and the page see."""
    assert [f"{each.context}.{each.name}" for each in reactions if not each.purpose] == []


def test_stale_and_missing_files_fail_the_check(at_home: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Exit status 1 and what to do, until they are written."""
    del at_home
    shutil.copy(SCHEMAS / "asyncapi.yaml", tmp_path)
    with (tmp_path / "asyncapi.yaml").open("a") as file:
        file.write("x-mood: good\n")

    assert asyncapi.main(["--check", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path / 'asyncapi.yaml'} is stale: just asyncapi",
        f"{tmp_path / 'events.html'} is missing: just asyncapi",
    ]
    assert asyncapi.main(["--write", str(tmp_path)]) == 0
    assert asyncapi.main(["--check", str(tmp_path)]) == 0


class Links(HTMLParser):
    """What a page has, points to and loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: set[str] = set()
        self.loaded: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        found = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag == "a":
            self.targets.add(found.get("href") or "")
        if "src" in found or tag in ("link", "iframe", "object"):
            self.loaded.append(tag)


def test_the_page_is_complete_in_itself(page: str):
    """It loads nothing, and every link leads to a place on it."""
    links = Links(page)

    assert links.loaded == []
    assert not re.search(r"url\(|@import|fetch\(|https?:", re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL))
    assert len(links.ids) == len(set(links.ids))
    assert {target.removeprefix("#") for target in links.targets} <= set(links.ids)
    assert all(target.startswith("#") for target in links.targets)
    assert set(all_events()) <= set(links.ids)


def test_the_page_tells_who_reacts(page: str, reactions: list[Reacting]):
    """In the entry of the event, by name."""
    for reaction in reactions:
        entry = page.partition(f'<article id="{wire_type(reaction.event_class)}"')[2].partition("</article>")[0]
        assert f'<span class="chip {reaction.context}">' in entry
        assert f"<code>{reaction.name}</code>" in entry


def test_the_page_shows_texts_as_texts(document: dict[str, Any]):
    """Whatever a docstring holds, it is no markup."""
    spoiled = json.loads(json.dumps(document))
    spoiled["components"]["schemas"]["OrderPlaced"]["description"] = "A <script>alert(1)</script> & `<b>`"

    page = events_page(spoiled)

    assert "<script>alert" not in page
    assert "A &lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>&lt;b&gt;</code>" in page


def test_the_page_tells_of_older_forms(document: dict[str, Any]):
    """What is upcast to an event, as what a reaction reads it, and how the reaction was subscribed."""
    spoiled = json.loads(json.dumps(document))
    spoiled["components"]["messages"]["order.placed.v1"]["x-upcast-from"] = ["order.created.v1"]
    (reaction,) = spoiled["operations"]["billing.reacts-to.order-management"]["x-reactions"]["order.placed.v1"]
    reaction |= {"reads": "order.placed.v2", "options": ["batch"]}

    page = events_page(spoiled)

    assert '<a href="#order.created.v1"><code>order.created.v1</code></a> are upcast to it.' in page
    assert '<code>on_order_placed</code> <span class="note">batch</span>' in page
    assert '<span class="note">as <code>order.placed.v2</code></span>' in page
