"""The operator's commands, run in this process."""

from __future__ import annotations

import argparse

from promenade_chassis.config import Settings
from promenade_identity.commands import COMMANDS, run_command


async def run_line(settings: Settings, *line: str) -> int:
    """Run `promenade-identity LINE`; answers the exit status."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        command.arguments(commands.add_parser(name))
    return await run_command(settings, parser.parse_args(line))
