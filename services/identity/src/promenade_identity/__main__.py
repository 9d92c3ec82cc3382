"""`python -m promenade_identity serve | work | all | migrate | openapi | create-superadmin`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from promenade_chassis.command_line import ExtraCommand, main
from promenade_chassis.config import ConfigurationError, Settings
from promenade_chassis.ports import Invalid
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue

from promenade_identity.bootstrap import CONTEXT, PACKAGE, build
from promenade_identity.furniture import furnish
from promenade_identity.password.entity import NewPassword
from promenade_identity.user.use_cases import create_superadmin

PASSWORD_VARIABLE = "PROMENADE_SUPERADMIN_PASSWORD"  # noqa: S105 - a name


async def create(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make the user; 0 also when there is one already."""
    password = os.environ.get(PASSWORD_VARIABLE) or (await asyncio.to_thread(sys.stdin.readline)).rstrip("\n")
    rooms, engines = furnish(settings)
    await engines.database.open()
    try:
        email = Email(arguments.email)
        made = await create_superadmin(email, NewPassword(password), room=rooms.user)
    except (Invalid, InvalidValue) as error:
        print(f"{CONTEXT}: {error}", file=sys.stderr)  # noqa: T201 - this is its output
        return 2
    finally:
        await engines.hashes.close()
        await engines.redis.aclose()
        await engines.database.close()
    print(f"{email} is a superadmin" if made else f"{email} was a superadmin already")  # noqa: T201
    return 0


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = f"Reads the password from {PASSWORD_VARIABLE} or the first line of standard input."
    parser.add_argument("--email", required=True)


SUPERADMIN = ExtraCommand(help="make a user with all permissions", arguments=_arguments, run=create)


def run() -> int:
    """Run one command; a service that is configured wrongly says so in one sentence."""
    try:
        return main(CONTEXT, PACKAGE, build, {"create-superadmin": SUPERADMIN})
    except ConfigurationError as error:
        print(f"{CONTEXT}: {error}", file=sys.stderr)  # noqa: T201 - the first thing an operator looks at
        return 2


if __name__ == "__main__":
    sys.exit(run())
