"""Whom the engines run as: PostgreSQL refuses root, so root lends them an unprivileged account."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from promenade_chassis.embedded.errors import EngineError

# initdb looks its user up by name, so a free number without an entry does not do.
UNPRIVILEGED = ("nobody", "postgres", "daemon")


@dataclass(frozen=True, slots=True)
class Account:
    """A user other than ourselves that a child process runs as."""

    name: str
    uid: int
    gid: int

    def may_enter(self, folder: Path) -> bool:
        """Whether this account can reach into `folder`: search permission on it and on every parent."""
        resolved = folder.resolve()
        return all(self._may_search(part) for part in (resolved, *resolved.parents))

    def _may_search(self, folder: Path) -> bool:
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def engine_account(data: Path | None = None) -> Account | None:
    """The account for the engines; None when we are an ordinary user and need no other.

    Data that exists stays with its owner: PostgreSQL accepts no other user for it.
    """
    if os.geteuid() != 0:
        return None
    if data is not None and data.exists() and data.stat().st_uid != 0:
        return _owner(data)
    for name in UNPRIVILEGED:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise EngineError(f"PostgreSQL does not run as root and this machine has none of the users {UNPRIVILEGED}")


def _owner(data: Path) -> Account:
    found = data.stat()
    try:
        return _account(pwd.getpwuid(found.st_uid))
    except KeyError:
        return Account(name=str(found.st_uid), uid=found.st_uid, gid=found.st_gid)


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)
