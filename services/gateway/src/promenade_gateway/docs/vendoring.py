"""Swagger UI as npm has it, at one version: `vendor/manifest.json` says which, and the hash of each file.

`python -m promenade_gateway.docs.vendoring` fetches it again with `npm pack` and refuses anything that differs;
`--accept VERSION` takes another version and writes its hashes down.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).with_name("vendor")
FILES = ("swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css", "LICENSE", "NOTICE")
PACKAGE = "swagger-ui-dist"

Hashes = Mapping[str, str]


class Different(RuntimeError):
    """What was found is not what the manifest names."""


def manifest() -> dict[str, Any]:
    """`{"package", "version", "license", "sha256": {file: hex}}`."""
    return json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))


def hashes_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, in hex."""
    return {name: sha256(content).hexdigest() for name, content in sorted(files.items())}


def require_same(found: Hashes, expected: Hashes) -> None:
    """Raise `Different`, naming every file that is."""
    wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if wrong:
        raise Different(f"not what the manifest names: {', '.join(wrong)}")


def shipped() -> dict[str, bytes]:
    """The files of the package that this one carries."""
    return {path.name: path.read_bytes() for path in sorted(VENDOR.iterdir()) if path.name != "manifest.json"}


def fetch(version: str) -> dict[str, bytes]:
    """The files from the registry; nothing of the package is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise Different("npm is needed to fetch it; on Debian: apt-get install npm")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, f"{PACKAGE}@{version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - a fixed command, no shell
        packed = next(Path(folder).glob("*.tgz")).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {name: _member(archive, f"package/{name}") for name in FILES}


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    if found is None:
        raise Different(f"{name} is no file of the package")
    return found.read()


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch, compare, write; 1 when something differs."""
    parser = argparse.ArgumentParser(prog="python -m promenade_gateway.docs.vendoring", description=__doc__)
    parser.add_argument("--accept", metavar="VERSION", help="take this version, whatever its files are")
    accepted: str | None = parser.parse_args(arguments).accept
    told = manifest()
    if accepted is not None:
        told["version"] = accepted
    try:
        files = fetch(told["version"])
        if accepted is None:
            require_same(hashes_of(files), told["sha256"])
    except Different as error:
        sys.stderr.write(f"{PACKAGE} {told['version']}: {error}\n")
        return 1
    for name, content in files.items():
        (VENDOR / name).write_bytes(content)
    text = json.dumps({**told, "sha256": hashes_of(files)}, indent=2) + "\n"
    (VENDOR / "manifest.json").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{PACKAGE} {told['version']}: {len(files)} files, hashes as in the manifest\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
