"""What an operator does from the command line: superadmins, keys, sessions, locks."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TextIO

import msgspec
import psycopg
from promenade_chassis.command_line import ExtraCommand
from promenade_chassis.config import ConfigurationError, Settings
from promenade_chassis.events.operator.wording import columns, one_line
from promenade_chassis.ports import DomainError, Invalid
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue

from promenade_identity.furniture import Rooms, furnish, require_secret
from promenade_identity.key.entity import KeyState, RotationUnderWay, SigningKey
from promenade_identity.key.settings import UNOPENED
from promenade_identity.key.use_cases import list_keys, rotate_signing_key
from promenade_identity.operator.use_cases import Revoked, revoke_all_sessions, revoke_sessions_of, unlock_user
from promenade_identity.password.entity import NewPassword
from promenade_identity.sealing import SealBroken
from promenade_identity.user.use_cases import create_superadmin

CONTEXT = "identity"
PASSWORD_VARIABLE = "PROMENADE_SUPERADMIN_PASSWORD"  # noqa: S105 - a name
STATUSES = "Exit status: 0 done, 1 refused (nothing was changed), 2 wrong options or configuration."

Act = Callable[[Rooms, argparse.Namespace], Awaitable[int]]


class Refused(Exception):
    """Nothing was done; the message says why."""


class ListedKey(msgspec.Struct, frozen=True):
    """What `keys list --json` prints of each key; times in UTC."""

    kid: str
    state: KeyState
    created_at: datetime
    signs_from: datetime
    retires_at: datetime | None


async def run_command(settings: Settings, arguments: argparse.Namespace) -> int:
    """Run what the arguments name; what went wrong is said in one sentence."""
    act: Act = arguments.act
    try:
        async with _opened(settings) as rooms:
            return await act(rooms, arguments)
    except SealBroken as broken:
        raise ConfigurationError(UNOPENED) from broken
    except (Invalid, InvalidValue) as error:
        return _complain(error, 2)
    except (Refused, RotationUnderWay, DomainError, psycopg.Error) as error:
        return _complain(error, 1)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[Rooms, None]:
    require_secret(settings)
    rooms, engines = furnish(settings)
    try:
        await engines.database.open()
        yield rooms
    finally:
        await engines.hashes.close()
        await engines.redis.aclose()
        await engines.database.close()


async def _create_superadmin(rooms: Rooms, arguments: argparse.Namespace) -> int:
    """0 also when there is one already."""
    password = os.environ.get(PASSWORD_VARIABLE) or (await asyncio.to_thread(sys.stdin.readline)).rstrip("\n")
    email = Email(arguments.email)
    made = await create_superadmin(email, NewPassword(password), room=rooms.user)
    _say(f"{email} is a superadmin" if made else f"{email} was a superadmin already")
    return 0


async def _list_keys(rooms: Rooms, arguments: argparse.Namespace) -> int:
    found = await list_keys(room=rooms.key)
    if arguments.json:
        _say(msgspec.json.encode([_listed(key, state) for key, state in found]).decode())
        return 0
    rows = [
        [key.kid, state.value, _time(key.created_at), _time(key.signs_from), _time(key.retires_at)]
        for key, state in found
    ]
    for line in columns([["kid", "state", "created", "signs from", "retires"], *rows]):
        _say(line)
    return 0


async def _rotate_keys(rooms: Rooms, arguments: argparse.Namespace) -> int:
    key = await rotate_signing_key(room=rooms.key)
    _say(f"{key.kid} is published and signs from {_time(key.signs_from)}")
    return 0


async def _revoke_sessions(rooms: Rooms, arguments: argparse.Namespace) -> int:
    if arguments.user:
        return _tell(await revoke_sessions_of(Email(arguments.user), room=rooms.operator))
    if not arguments.yes:
        await asyncio.to_thread(_confirm, "Sign everybody out, of all sessions?")
    revoked = Revoked()
    async for revoked in revoke_all_sessions(room=rooms.operator):
        _say(f"{revoked.users} users so far", file=sys.stderr)
    return _tell(revoked)


async def _unlock(rooms: Rooms, arguments: argparse.Namespace) -> int:
    email = Email(arguments.named or arguments.email)
    was_locked = await unlock_user(email, room=rooms.operator)
    _say(f"{email} can sign in again" if was_locked else f"{email} was not locked; wrong passwords are forgotten")
    return 0


def _superadmin_arguments(parser: argparse.ArgumentParser) -> None:
    _describe(
        parser,
        f"Reads the password from {PASSWORD_VARIABLE} or the first line of standard input. May be repeated: a user who"
        " is there already becomes a superadmin and keeps his password.",
        _create_superadmin,
    )
    parser.add_argument("--email", required=True, help="the address he signs in with")


def _keys_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="keys_command", required=True)
    shown = commands.add_parser("list", help="show the keys that are published, and which one signs")
    _describe(shown, "pending: known already, signs later. retiring: signed before, and its tokens count.", _list_keys)
    shown.add_argument("--json", action="store_true", help="for programs")
    rotated = commands.add_parser("rotate", help="publish the key that signs next")
    _describe(
        rotated,
        "The new key signs once every verifier knows it (keys.publish_ahead_seconds); the present one stays published"
        " until its last token has expired and is deleted then. Nobody notices. While one waits to sign, another"
        " rotation changes nothing and ends with 1.",
        _rotate_keys,
    )


def _sessions_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="sessions_command", required=True)
    revoked = commands.add_parser("revoke-all", help="sign everybody out, or one user")
    _describe(
        revoked,
        "Ends all sessions; access tokens given out before are refused within a second. A user whom this signs out"
        " signs in again as ever. When it was broken off it can be repeated.",
        _revoke_sessions,
    )
    revoked.add_argument("--user", metavar="EMAIL", help="only this user")
    revoked.add_argument("--yes", action="store_true", help="do not ask")


def _unlock_arguments(parser: argparse.ArgumentParser) -> None:
    _describe(parser, "Forgets the wrong passwords of a user, and the lock with them.", _unlock)
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("named", metavar="EMAIL", nargs="?", help="whom")
    who.add_argument("--email", metavar="EMAIL", help="the same")


def _describe(parser: argparse.ArgumentParser, text: str, act: Act) -> None:
    parser.description, parser.epilog = text, STATUSES
    parser.set_defaults(act=act)


COMMANDS = {
    "create-superadmin": ExtraCommand("make a user with all permissions", _superadmin_arguments, run_command),
    "keys": ExtraCommand("list and rotate the keys that sign access tokens", _keys_arguments, run_command),
    "sessions": ExtraCommand("end sessions", _sessions_arguments, run_command),
    "unlock": ExtraCommand("let a user sign in whom wrong passwords have locked", _unlock_arguments, run_command),
}


def _listed(key: SigningKey, state: KeyState) -> ListedKey:
    return ListedKey(key.kid, state, key.created_at, key.signs_from, key.retires_at)


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if moment else "-"


def _tell(revoked: Revoked) -> int:
    _say(f"signed out: {revoked.users} users, {revoked.sessions} sessions")
    return 0


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise Refused("nobody is here to be asked: say --yes")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refused("nothing was changed")


def _complain(error: Exception, status: int) -> int:
    _say(f"{CONTEXT}: {one_line(str(error), 500)}", file=sys.stderr)
    return status


def _say(line: str, *, file: TextIO | None = None) -> None:
    print(line, file=file)
