"""Valkey 9 from the wheel, on one folder and one port: the Redis protocol."""

import os
import signal
import socket
from pathlib import Path

from promenade_chassis.embedded.account import engine_account
from promenade_chassis.embedded.installation import installation
from promenade_chassis.embedded.launch import Launch
from promenade_chassis.embedded.network import LOOPBACK
from promenade_chassis.embedded.placement import data_folder, hand_over

DATABASES = 64


class ValkeyEngine:
    """One Valkey server. Its data live in `<home>/data/valkey`; not durable means no file at all."""

    name = "valkey"

    def __init__(self, home: Path, port: int, *, durable: bool = True) -> None:
        self.home = home
        self.port = port
        self.durable = durable
        self._account = engine_account(home / "data" / "valkey")

    @property
    def url(self) -> str:
        """The URL of the server, database 0."""
        return f"redis://{LOOPBACK}:{self.port}"

    def initialise(self) -> None:
        """Make the data folder when there is none."""
        data = self._data()
        if not data.exists():
            data.mkdir()
            hand_over(data, self._account)

    def command(self) -> Launch:
        """How to start the server; it works in its data folder, so no path is on its command line."""
        persistence = ("--appendonly", "yes", "--appendfsync", "everysec") if self.durable else ("--appendonly", "no")
        return Launch(
            argv=(
                str(installation(self._account).valkey_server),
                *("--port", str(self.port), "--bind", LOOPBACK, "--databases", str(DATABASES)),
                *("--save", "", *persistence, "--daemonize", "no"),
            ),
            cwd=self._data(),
            env={"LC_ALL": "C", "TZ": "UTC"},
            account=self._account,
            stop_signal=signal.SIGTERM,
        )

    def prepare_restart(self) -> None:
        """Nothing to do: Valkey keeps no lock file."""

    def ready(self) -> bool:
        """Whether this server, in this folder, answers PING now; while it loads its data it does not."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\nCONFIG GET dir\r\nQUIT\r\n")
                answer = connection.makefile("rb").read()
        except OSError:
            return False
        return answer.startswith(b"+PONG") and os.fsencode(self._data()) in answer

    def _data(self) -> Path:
        return data_folder(self.home, self._account) / "valkey"
