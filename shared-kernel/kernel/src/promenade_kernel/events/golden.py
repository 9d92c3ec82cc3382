"""The golden files in `shared-kernel/schemas`: for each event type the JSON schema, a full and a minimal sample.

`python -m promenade_kernel.events.golden --check DIR` fails when a file is missing, stale or left over.
`python -m promenade_kernel.events.golden --write DIR` writes them, and refuses a change that breaks a type's readers;
such a change is a new type, `.v2`. `--unreleased TYPE` allows it for a type nobody has published yet.
"""

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from promenade_kernel.events.registry import all_events
from promenade_kernel.events.samples import SAMPLES
from promenade_kernel.events.samples.minimal import MINIMAL, sparse
from promenade_kernel.events.schemas import compatible, schema_of
from promenade_kernel.values.codec import to_plain

_SCHEMA = ".schema.json"
_SAMPLE = ".sample.json"
_MINIMAL = ".minimal.json"


def golden_files() -> dict[str, str]:
    """The content each golden file should have, by its name."""
    files: dict[str, str] = {}
    for wire, cls in all_events().items():
        files[wire + _SCHEMA] = _json(schema_of(cls))
        files[wire + _SAMPLE] = _json(to_plain(SAMPLES[wire]))
        if MINIMAL[wire] != SAMPLES[wire]:
            files[wire + _MINIMAL] = _json(to_plain(sparse(MINIMAL[wire])))
    return files


def check(directory: Path) -> list[str]:
    """Say what is wrong with the committed files; nothing is well."""
    expected, found = golden_files(), _read(directory)
    faults = [f"{name}: is missing" for name in expected if name not in found]
    faults += [f"{name}: belongs to no event type" for name in found if name not in expected]
    for name, content in expected.items():
        if name in found and found[name] != content:
            faults += [f"{name}: is stale", *(f"{name}: {fault}" for fault in _breaking(name, found[name], content))]
    return faults


def write(directory: Path, unreleased: Collection[str] = ()) -> list[str]:
    """Write the files unless that breaks a published type; say what would break."""
    expected, found = golden_files(), _read(directory)
    faults = [
        f"{name}: {fault}"
        for name, content in expected.items()
        if name in found and name.removesuffix(_SCHEMA) not in unreleased
        for fault in _breaking(name, found[name], content)
    ]
    gone = [name for name in found if name not in expected]
    faults += [
        f"{name}: its type is gone"
        for name in gone
        if name.endswith(_SCHEMA) and name.removesuffix(_SCHEMA) not in unreleased
    ]
    if faults:
        return faults
    directory.mkdir(parents=True, exist_ok=True)
    for name in gone:
        (directory / name).unlink()
    for name, content in expected.items():
        (directory / name).write_text(content, encoding="utf-8")
    return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="python -m promenade_kernel.events.golden", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", metavar="DIR", type=Path, help="fail when the files are not what the classes say")
    action.add_argument("--write", metavar="DIR", type=Path, help="write the files")
    parser.add_argument("--unreleased", metavar="TYPE", action="append", default=[], help="allow breaking this type")
    chosen = parser.parse_args(arguments)
    faults = check(chosen.check) if chosen.check else write(chosen.write, chosen.unreleased)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    return 1 if faults else 0


def _breaking(name: str, old: str, new: str) -> list[str]:
    if not name.endswith(_SCHEMA):
        return []
    return compatible(msgspec.json.decode(old), msgspec.json.decode(new))


def _read(directory: Path) -> Mapping[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8")
        for path in sorted(directory.glob("*.json"))
        if path.name.endswith((_SCHEMA, _SAMPLE, _MINIMAL))
    }


def _json(plain: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(plain), indent=2).decode() + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
