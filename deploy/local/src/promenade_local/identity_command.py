"""`promenade identity …`: Identity's own command line, where the stack of this home runs."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from promenade_local.environment import Surroundings, config_folder
from promenade_local.errors import StackError
from promenade_local.home import Home
from promenade_local.state import running_stack


def become_identity(arguments: Sequence[str]) -> NoReturn:
    """Put `promenade-identity ARGUMENTS` in this process' place: questions, answers and exit status are its own."""
    os.execve(  # noqa: S606 - no shell is meant
        sys.executable, [sys.executable, "-m", "promenade_identity", *arguments], identity_environment(Home.find())
    )


def identity_environment(home: Home, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """That of the stack that runs on this home; without one, of the profile that PROMENADE_PROFILE names."""
    state = running_stack(home.state)
    if state is not None:
        return Surroundings.of_stack(home, state).of("identity")
    profile = environ.get("PROMENADE_PROFILE", "embedded")
    if profile == "embedded":
        raise StackError(
            f"nothing runs on the home {home.root}: start it with promenade up,"
            " or name the profile of engines of your own, as in PROMENADE_PROFILE=dev"
        )
    return {**environ, **config_folder(profile, environ)}
