"""`promenade-identity serve | work | all | migrate | openapi | create-superadmin | keys | sessions | unlock`."""

from __future__ import annotations

import sys

from promenade_chassis.command_line import main
from promenade_chassis.config import ConfigurationError

from promenade_identity.bootstrap import CONTEXT, PACKAGE, build
from promenade_identity.commands import COMMANDS


def run() -> int:
    """Run one command; a service that is configured wrongly says so in one sentence."""
    try:
        return main(CONTEXT, PACKAGE, build, COMMANDS)
    except ConfigurationError as error:
        print(f"{CONTEXT}: {error}", file=sys.stderr)  # noqa: T201 - the first thing an operator looks at
        return 2


if __name__ == "__main__":
    sys.exit(run())
