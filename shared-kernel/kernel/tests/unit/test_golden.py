"""The committed schemas and samples, both ways."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from promenade_kernel.events import golden
from promenade_kernel.events.registry import all_events
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.events.schemas import schema_of
from promenade_kernel.values import codec

SCHEMAS = Path(__file__).parents[3] / "schemas"


def _edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The golden files, free to be spoiled."""
    return shutil.copytree(SCHEMAS, tmp_path / "schemas")


@pytest.mark.parametrize("wire", all_events())
def test_the_committed_sample_is_read_and_written_back(wire: str):
    """A committed message is still read, and written as it was."""
    committed = (SCHEMAS / f"{wire}.sample.json").read_bytes()

    read = codec.decode(committed, all_events()[wire])

    assert read == SAMPLES[wire]
    assert msgspec.json.decode(codec.encode(read)) == msgspec.json.decode(committed)


@pytest.mark.parametrize("wire", all_events())
def test_the_committed_schema_is_the_classes(wire: str):
    """The schema says what the class reads."""
    committed = (SCHEMAS / f"{wire}.schema.json").read_bytes()

    assert schema_of(all_events()[wire]) == msgspec.json.decode(committed)


def test_the_files_are_up_to_date():
    """Nothing is missing, stale or left over."""
    assert golden.check(SCHEMAS) == []


def test_a_missing_file_is_noticed(copy: Path):
    """A new type without golden files fails the check; writing makes them."""
    (copy / "order.placed.v1.schema.json").unlink()

    assert golden.check(copy) == ["order.placed.v1.schema.json: is missing"]
    assert golden.write(copy) == []
    assert golden.check(copy) == []


def test_a_stale_sample_is_noticed(copy: Path):
    """A sample that is not what the code makes fails the check."""
    _edit(copy / "user.deleted.v1.sample.json", user_id="01980000-0000-7000-8000-0000000000ff")

    assert golden.check(copy) == ["user.deleted.v1.sample.json: is stale"]


def test_a_left_over_file_is_noticed_and_kept(copy: Path):
    """Removing a type is breaking: its schema is not deleted in passing."""
    shutil.copy(copy / "user.deleted.v1.schema.json", copy / "user.cloned.v1.schema.json")

    assert golden.check(copy) == ["user.cloned.v1.schema.json: belongs to no event type"]
    assert golden.write(copy) == ["user.cloned.v1.schema.json: its type is gone"]
    assert golden.write(copy, unreleased=["user.cloned.v1"]) == []
    assert not (copy / "user.cloned.v1.schema.json").exists()


def test_writing_refuses_a_breaking_change(copy: Path):
    """A committed field that the class lacks is not written over, unless nobody has published the type."""
    path = copy / "user.deleted.v1.schema.json"
    committed = json.loads(path.read_text())
    _edit(path, properties={**committed["properties"], "reason": {"type": "string"}})
    spoiled = path.read_text()

    assert golden.write(copy) == ["user.deleted.v1.schema.json: /reason: was removed"]
    assert path.read_text() == spoiled
    assert golden.check(copy) == [
        "user.deleted.v1.schema.json: is stale",
        "user.deleted.v1.schema.json: /reason: was removed",
    ]
    assert golden.write(copy, unreleased=["user.deleted.v1"]) == []
    assert golden.check(copy) == []


def test_writing_takes_a_compatible_change(copy: Path):
    """A field with a default was added: the new schema replaces the old one."""
    path = copy / "user.suspended.v1.schema.json"
    committed = json.loads(path.read_text())
    _edit(path, properties={"user_id": committed["properties"]["user_id"]})

    assert golden.write(copy) == []
    assert golden.check(copy) == []


def test_other_files_are_left_alone(copy: Path):
    """The folder may hold more than golden files."""
    (copy / "asyncapi.yaml").write_text("asyncapi: 3.0.0")

    assert golden.check(copy) == []
    assert golden.write(copy) == []
    assert (copy / "asyncapi.yaml").exists()


def test_the_command_line_checks_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Exit status 1 and the faults on standard error, 0 when all is well."""
    target = tmp_path / "new"

    assert golden.main(["--check", str(target)]) == 1
    assert "user.deleted.v1.schema.json: is missing" in capsys.readouterr().err
    assert golden.main(["--write", str(target)]) == 0
    assert golden.main(["--check", str(target)]) == 0
    assert capsys.readouterr().err == ""


def test_the_module_runs():
    """`python -m promenade_kernel.events.golden --check` works as CI calls it."""
    command = [sys.executable, "-m", "promenade_kernel.events.golden", "--check", str(SCHEMAS)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("wire", all_events())
def test_schemas_stand_alone(wire: str):
    """Every reference of a schema leads into the same file."""
    text = (SCHEMAS / f"{wire}.schema.json").read_text()
    schema = json.loads(text)

    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert references == {f"#/$defs/{name}" for name in schema.get("$defs", {})}
    assert schema["$id"] == f"urn:promenade:event:{wire}"
