"""Releases of different age side by side: what one writes the other reads."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from promenade_kernel.events import golden
from promenade_kernel.events.envelope import Cause, Envelope, seal
from promenade_kernel.events.errors import PoisonMessage
from promenade_kernel.events.registry import Event, all_events
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.events.samples.minimal import MINIMAL
from promenade_kernel.values import codec
from promenade_kernel.values.ids import new_id

SCHEMAS = Path(__file__).parents[3] / "schemas"
SOURCES = Path(golden.__file__).parents[2]

Fields = tuple[msgspec.structs.FieldInfo, ...]
Path_ = tuple[str | int, ...]


def _committed(wire: str, kind: str) -> Any:
    path = SCHEMAS / f"{wire}.{kind}.json"
    # A type without optional fields has no minimal sample of its own.
    return msgspec.json.decode((path if path.exists() else SCHEMAS / f"{wire}.sample.json").read_bytes())


def _validator(wire: str) -> Draft202012Validator:
    return Draft202012Validator(_committed(wire, "schema"), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _with_fields(cls: type[Event], fields: Fields, **more: Any) -> type[Event]:
    """The class as another release had it."""
    declared = [
        (field.name, field.type) if field.required else (field.name, field.type, field.default) for field in fields
    ]
    declared += [(name, *kind) for name, kind in more.items()]
    return msgspec.defstruct(cls.__name__, declared, bases=(Event,), frozen=True, kw_only=True)  # pyright: ignore[reportReturnType]


def _objects(plain: Any, path: Path_ = ()) -> Iterator[tuple[Path_, dict[str, Any]]]:
    """Every JSON object inside, and where."""
    if isinstance(plain, dict):
        yield path, plain
    for key, part in plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ():
        yield from _objects(part, (*path, key))


def _opened(wire: str, data: Any) -> Event:
    """Read a payload as it arrives: in its envelope."""
    sealed = seal(SAMPLES[wire], subject=new_id(), sequence=1, cause=Cause("process", "request"))
    arrived = {**msgspec.json.decode(sealed.encode()), "data": data}
    return Envelope.decode(msgspec.json.encode(arrived)).open()


@pytest.mark.parametrize("wire", all_events())
def test_the_least_that_was_ever_written_is_read(wire: str):
    """A committed message without optional fields is read; what is written back says the same, with nulls."""
    committed = _committed(wire, "minimal")

    read = _opened(wire, committed)

    assert read == MINIMAL[wire]
    assert _opened(wire, codec.to_plain(read)) == read
    assert codec.to_plain(read).items() >= {key: value for key, value in committed.items() if _flat(value)}.items()


def _flat(value: object) -> bool:
    return not isinstance(value, dict | list)


@pytest.mark.parametrize("wire", all_events())
def test_what_is_written_fits_the_committed_schema(wire: str):
    """A stranger with nothing but the committed schema accepts all that today's classes write."""
    validator = _validator(wire)

    Draft202012Validator.check_schema(validator.schema)
    for sample in (SAMPLES[wire], MINIMAL[wire]):
        validator.validate(codec.to_plain(sample))
    validator.validate(_committed(wire, "sample"))
    validator.validate(_committed(wire, "minimal"))


@pytest.mark.parametrize("wire", all_events())
def test_an_older_reader_reads_todays_messages(wire: str):
    """A class that lacks an optional field, any one or all, reads the full sample and finds what it knows unchanged."""
    cls, full = all_events()[wire], _committed(wire, "sample")
    fields = msgspec.structs.fields(cls)
    optional = [field for field in fields if not field.required]

    for missing in [*({field.name} for field in optional), {field.name for field in optional}]:
        older = _with_fields(cls, tuple(field for field in fields if field.name not in missing))
        read = codec.decode(msgspec.json.encode(full), older)

        assert codec.to_plain(read) == {name: value for name, value in full.items() if name not in missing}


@pytest.mark.parametrize("wire", all_events())
def test_a_newer_reader_reads_todays_messages(wire: str):
    """A class that has one more field with a default reads what is committed today."""
    newer = _with_fields(all_events()[wire], msgspec.structs.fields(all_events()[wire]), mood=(str | None, None))

    for kind in ("sample", "minimal"):
        read = codec.decode(msgspec.json.encode(_committed(wire, kind)), newer)
        assert getattr(read, "mood", "") is None


@pytest.mark.parametrize("wire", all_events())
def test_fields_nobody_knows_yet_are_ignored(wire: str):
    """At every depth: an older reader, and a stranger with the schema, take what a newer release adds."""
    full = _committed(wire, "sample")
    for _, part in list(_objects(full)):
        part["mood"] = {"good": True}

    assert _opened(wire, full) == SAMPLES[wire]
    _validator(wire).validate(full)


@pytest.mark.parametrize("wire", all_events())
def test_a_missing_required_field_is_poison(wire: str):
    """At every depth, and the schema refuses it too: whatever the least message has, it must have."""
    least = _committed(wire, "minimal")
    tried = 0
    for _, part in list(_objects(least)):
        for name in list(part):
            taken = part.pop(name)
            with pytest.raises(PoisonMessage, match=re.escape(wire)):
                _opened(wire, least)
            assert not _validator(wire).is_valid(least), f"the schema does not miss {name}"
            part[name] = taken
            tried += 1

    assert tried >= 1
    assert _opened(wire, least) == MINIMAL[wire]


@pytest.mark.parametrize("wire", all_events())
def test_samples_are_complete(wire: str):
    """The full sample has every field of the event, the minimal one none that may be left out."""
    full, least = SAMPLES[wire], _committed(wire, "minimal")
    fields = msgspec.structs.fields(full)

    assert [field.name for field in fields if not field.required and getattr(full, field.name) == field.default] == []
    assert set(least) == {field.name for field in fields if field.required}


def test_every_field_inside_is_shown_somewhere():
    """Of the structures inside events, too, each optional field is set in some sample."""
    shown: dict[str, set[str]] = {}
    for sample in SAMPLES.values():
        for struct in _structs(sample):
            filled = {each.name for each in msgspec.structs.fields(struct) if getattr(struct, each.name) is not None}
            shown.setdefault(type(struct).__name__, set()).update(filled)
    known = {type(struct) for sample in SAMPLES.values() for struct in _structs(sample)}

    assert {"OrderedLine", "Discount", "Address", "Money"} <= shown.keys()
    assert {
        f"{cls.__name__}.{field.name}"
        for cls in known
        for field in msgspec.structs.fields(cls)
        if field.name not in shown[cls.__name__]
    } == set()


def _structs(value: object) -> Iterator[msgspec.Struct]:
    if isinstance(value, msgspec.Struct):
        yield value
        for field in msgspec.structs.fields(value):
            yield from _structs(getattr(value, field.name))
    elif isinstance(value, tuple):
        for part in value:
            yield from _structs(part)


@pytest.fixture
def changed_kernel(tmp_path: Path) -> Path:
    """The kernel's sources and its golden files, free to be changed."""
    shutil.copytree(SOURCES, tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    return tmp_path


def _golden(copy: Path, action: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "promenade_kernel.events.golden", action, str(copy / "schemas")]
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stderr


FINALIZED = "    number: str\n    issued_at: Instant\n    due_at: Instant\n"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("    number: int\n    issued_at: Instant\n    due_at: Instant\n", "/number: type changed"),
        ("    number: str | None = None\n    issued_at: Instant\n    due_at: Instant\n", "/number: became optional"),
        (FINALIZED + "    mood: str\n", "/mood: was added without a default"),
        ("    issued_at: Instant\n    due_at: Instant\n", "/number: was removed"),
    ],
    ids=["retyped", "made optional", "added without default", "removed"],
)
def test_a_breaking_change_without_a_new_version_fails(changed_kernel: Path, change: str, complaint: str):
    """Somebody edits a published class: the check fails, says where, and writing the files anew is refused."""
    billing = changed_kernel / "src" / "promenade_kernel" / "events" / "billing.py"
    samples = billing.parent / "samples" / "billing.py"
    assert billing.read_text().count(FINALIZED) == 1
    billing.write_text(billing.read_text().replace(FINALIZED, change))
    first, rest = samples.read_text().split("events.InvoicePaid(")
    if "number" not in change:
        first = first.replace("        number=INVOICE_NUMBER,\n", "")
    if "mood" in change:
        first = first.replace("due_at=", 'mood="good",\n        due_at=')
    samples.write_text(f"{first}events.InvoicePaid({rest}")

    checked, written = _golden(changed_kernel, "--check"), _golden(changed_kernel, "--write")

    assert (checked[0], written[0]) == (1, 1)
    assert f"invoice.finalized.v1.schema.json: {complaint}" in checked[1]
    assert f"invoice.finalized.v1.schema.json: {complaint}" in written[1]
    for name in ("schema", "sample"):
        path = f"invoice.finalized.v1.{name}.json"
        assert (changed_kernel / "schemas" / path).read_bytes() == (SCHEMAS / path).read_bytes()


def test_a_field_with_a_default_only_needs_its_files_written(changed_kernel: Path):
    """The check fails until the schema is committed with it, and says nothing of breaking."""
    billing = changed_kernel / "src" / "promenade_kernel" / "events" / "billing.py"
    billing.write_text(billing.read_text().replace(FINALIZED, FINALIZED + "    mood: str | None = None\n"))

    before = _golden(changed_kernel, "--check")
    assert before[0] == 1
    assert set(before[1].splitlines()) == {
        "invoice.finalized.v1.schema.json: is stale",
        "invoice.finalized.v1.sample.json: is stale",
    }
    assert _golden(changed_kernel, "--write") == (0, "")
    assert _golden(changed_kernel, "--check") == (0, "")
