"""The readable page of `asyncapi.yaml`: one HTML file, complete in itself, that works offline and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from promenade_chassis.asyncapi import Document

_FORMATS = {"uuid": "UUID", "date-time": "time", "email": "email"}
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field holds: words, and the shape it leads to, if it is one."""

    words: str
    shape: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field of an event or a shape."""

    name: str
    kind: Kind
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Reaction:
    """Who reacts, with what. `upcast_from`: the form that arrived, where it is not the one read."""

    context: str
    name: str
    description: str
    options: Sequence[str]
    reads: str
    upcast: bool


@dataclass(frozen=True, slots=True)
class Example:
    """A sample message, as JSON."""

    name: str
    summary: str
    text: str


@dataclass(frozen=True, slots=True)
class EventEntry:
    """All about one event."""

    wire: str
    context: str
    title: str
    description: str
    fields: Sequence[FieldRow]
    reactions: Sequence[Reaction]
    examples: Sequence[Example]
    upcast_from: Sequence[str]

    @property
    def words(self) -> str:
        """What the search looks in."""
        parts = [self.wire, self.title, self.context, self.description]
        parts += [each.name for each in self.fields]
        parts += [f"{each.context} {each.name} {each.description}" for each in self.reactions]
        return " ".join(parts).lower()

    @property
    def readers(self) -> list[str]:
        """The contexts that react."""
        return sorted({each.context for each in self.reactions})


@dataclass(frozen=True, slots=True)
class Shape:
    """A structure that fields of several events hold."""

    name: str
    description: str
    fields: Sequence[FieldRow]


def events_page(document: Document) -> str:
    """The page, the same for the same document."""
    environment = Environment(
        loader=PackageLoader("promenade_local"),
        autoescape=select_autoescape(["html", "jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["prose"] = _prose
    entries = list(_entries(document))
    contexts = {name: [each for each in entries if each.context == name] for name in document["channels"]}
    return environment.get_template("events.html.jinja").render(
        info=document["info"],
        introduction=document["info"]["description"],
        channels=document["channels"],
        contexts=contexts,
        entries=entries,
        participants=sorted({*contexts, *(each for entry in entries for each in entry.readers)}),
        envelope=list(_fields(document["components"]["schemas"]["CloudEvent"])),
        shapes=list(_shapes(document)),
    )


def _entries(document: Document) -> Iterator[EventEntry]:
    schemas, messages = document["components"]["schemas"], document["components"]["messages"]
    reactions = _reactions(document)
    for context, channel in document["channels"].items():
        for wire in channel["messages"]:
            message = messages[wire]
            schema = schemas[message["title"]]
            yield EventEntry(
                wire=wire,
                context=context,
                title=message["title"],
                description=schema.get("description", ""),
                fields=list(_fields(schema)),
                reactions=reactions.get(wire, []),
                examples=[_example(each) for each in message["examples"]],
                upcast_from=message.get("x-upcast-from", []),
            )


def _reactions(document: Document) -> Mapping[str, list[Reaction]]:
    found: dict[str, list[Reaction]] = {}
    for operation in document["operations"].values():
        reader = operation["tags"][0]["name"]
        for wire, reactions in operation.get("x-reactions", {}).items():
            found.setdefault(wire, []).extend(
                Reaction(
                    reader, each["name"], each["description"], each.get("options", []), each["reads"],
                    upcast=each["reads"] != wire,
                )
                for each in reactions
            )  # fmt: skip
    return found


def _example(example: Mapping[str, Any]) -> Example:
    text = msgspec.json.format(msgspec.json.encode(example["payload"]), indent=2).decode()
    return Example(example["name"], example["summary"], text)


def _shapes(document: Document) -> Iterator[Shape]:
    schemas = document["components"]["schemas"]
    messages = {message["title"] for message in document["components"]["messages"].values()}
    for name, schema in schemas.items():
        if name not in messages and name != "CloudEvent":
            yield Shape(name, schema.get("description", ""), list(_fields(schema)))


def _fields(schema: Mapping[str, Any]) -> Iterator[FieldRow]:
    needed = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        yield FieldRow(name, _kind(field), name in needed, field.get("description", ""))


def _kind(schema: Mapping[str, Any]) -> Kind:
    """The type in words: `list of OrderedLine`, `text, at most 200`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Kind(name, shape=name)
    if "anyOf" in schema:
        choices = [each for each in cast("list[dict[str, Any]]", schema["anyOf"]) if each.get("type") != "null"]
        outside = {key: value for key, value in schema.items() if key != "anyOf"}
        return _kind({**choices[0], **outside}) if len(choices) == 1 else Kind("one of several")
    if "enum" in schema:
        return Kind(" or ".join(f"“{each}”" for each in schema["enum"]))
    if schema.get("type") == "array":
        inner = _kind(schema["items"])
        return Kind(f"list of {inner.words}", inner.shape, inner.note)
    if schema.get("type") == "string":
        return Kind(_FORMATS.get(schema.get("format", ""), "text"), note=_note(schema))
    return Kind({"integer": "integer", "boolean": "yes or no", None: "any JSON"}.get(schema.get("type"), "number"))


def _note(schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples", [])
    if "pattern" in schema:
        return f"such as {examples[0]}" if examples else f"matching {schema['pattern']}"
    return f"at most {schema['maxLength']}" if "maxLength" in schema else ""


def _prose(text: str) -> Markup:
    """Paragraphs, with `code` between backquotes."""
    paragraphs = [str(escape(" ".join(part.split()))) for part in text.split("\n\n") if part.strip()]
    marked = [_CODE.sub(r"<code>\1</code>", part) for part in paragraphs]
    return Markup("".join(f"<p>{part}</p>" for part in marked))  # noqa: S704 - escaped above, before the marks were added
