"""Where the engines keep their data: in the home, or where their user can reach it with a pointer in the home."""

import os
import shutil
import tempfile
from pathlib import Path

from promenade_chassis.embedded.account import Account
from promenade_chassis.embedded.errors import EngineError
from promenade_chassis.embedded.installation import SHARED_FOLDERS, shared_folder


def data_folder(home: Path, account: Account | None) -> Path:
    """`<home>/data`, or what the link of that name points to when `account` cannot reach into the home.

    No folder above the home and no home that existed before has its permissions changed.
    """
    spot = home / "data"
    if spot.is_symlink() and not spot.exists():
        spot.unlink()
    if not spot.exists():
        if account is None or account.may_enter(home):
            spot.mkdir()
            spot.chmod(0o700 if account is None else 0o755)  # whatever the umask says
        else:
            spot.symlink_to(_elsewhere(home, account))
    if account is not None and not account.may_enter(spot):
        raise EngineError(f"{account.name}, whom the engines run as, cannot reach their data in {spot.resolve()}")
    return spot.resolve()


def hand_over(folder: Path, account: Account | None) -> None:
    """Make a folder of ours, new and empty, the engine's own: nobody else reads the data."""
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def _elsewhere(home: Path, account: Account) -> Path:
    refusals: list[str] = []
    for candidate in SHARED_FOLDERS:
        try:
            parent = shared_folder(candidate, account) / "data"
            shared_folder(parent, account)
            # A fresh name each time: a home that was deleted and made again must not find the old data.
            chosen = Path(tempfile.mkdtemp(prefix="home-", dir=parent))
            chosen.chmod(0o755)
            (chosen / "pointed-to-by").write_text(f"{home.resolve()}\n")
        except (OSError, EngineError) as refusal:
            refusals.append(f"{candidate}: {refusal}")
        else:
            return chosen
    raise EngineError(f"no folder where {account.name} could keep the data: {'; '.join(refusals)}")


def remove_data(home: Path) -> None:
    """Delete the engines' data of this home, also where its link points."""
    spot = home / "data"
    shutil.rmtree(spot.resolve(), ignore_errors=True)
    if spot.is_symlink():
        spot.unlink()
