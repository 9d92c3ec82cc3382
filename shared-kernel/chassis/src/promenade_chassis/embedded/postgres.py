"""PostgreSQL 18 from the wheel, on one folder and one port."""

import shutil
import signal
import sys
from pathlib import Path

import psutil
import psycopg

from promenade_chassis.embedded.account import engine_account
from promenade_chassis.embedded.errors import EngineError
from promenade_chassis.embedded.installation import installation
from promenade_chassis.embedded.launch import Launch, run_to_end
from promenade_chassis.embedded.network import LOOPBACK
from promenade_chassis.embedded.placement import data_folder, hand_over

MAJOR = "18"
# Nothing of the caller's: PGDATA or PGPORT of another server must not reach this one.
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
HBA = f"host all all {LOOPBACK}/32 trust\n"
INITDB = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    # The same order of texts on every machine, whatever locales it has.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
)
SETTINGS = {
    "listen_addresses": LOOPBACK,
    # A path to a socket has a limit of 107 bytes, a home has none: TCP only.
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # After a crash: one call instead of one for each of two thousand files.
    **({"recovery_init_sync_method": "syncfs"} if sys.platform == "linux" else {}),
}
# For tests: a power cut may lose everything, kill -9 of the server nothing.
NOT_DURABLE = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_size": "512MB",
    "dynamic_shared_memory_type": "mmap",
}


class PostgresEngine:
    """One PostgreSQL server. Its data live in `<home>/data/postgres`, see `placement`."""

    name = "postgres"

    def __init__(self, home: Path, port: int, *, durable: bool = True) -> None:
        self.home = home
        self.port = port
        self.durable = durable
        self._account = engine_account(home / "data" / "postgres")

    @property
    def admin_url(self) -> str:
        """The superuser's URL, for making databases and roles."""
        return self.url("postgres", "postgres")

    def url(self, role: str, database: str) -> str:
        """The URL with which `role` connects to `database`; embedded has no passwords."""
        return f"postgresql://{role}@{LOOPBACK}:{self.port}/{database}"

    def initialise(self) -> None:
        """Make the cluster when there is none: whole or not at all. Takes about 0.7 s the first time."""
        data = self._data()
        if not (data / "PG_VERSION").exists():
            self._initdb(data)
        version = (data / "PG_VERSION").read_text().strip()
        if version != MAJOR:
            raise EngineError(f"the data in {data} are of PostgreSQL {version}, this is {MAJOR}")
        _drop_stale_lock(data)

    def command(self) -> Launch:
        """How to start the server; SIGINT is its fast shutdown."""
        settings = {**SETTINGS, "port": str(self.port), **({} if self.durable else NOT_DURABLE)}
        data = self._data()
        options = tuple(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return Launch(
            argv=(str(self._program("postgres")), "-D", str(data), *options),
            cwd=data,
            env=ENVIRONMENT,
            account=self._account,
            stop_signal=signal.SIGINT,
        )

    def prepare_restart(self) -> None:
        """To be called before starting again after a crash: its pid may belong to somebody else by now."""
        _drop_stale_lock(self._data())

    def ready(self) -> bool:
        """Whether this server, on these data, answers a query now."""
        try:
            with psycopg.connect(self.admin_url, connect_timeout=2, autocommit=True) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and row[0] == str(self._data())

    def _data(self) -> Path:
        return data_folder(self.home, self._account) / "postgres"

    def _program(self, name: str) -> Path:
        return installation(self._account).postgres_bin / name

    def _initdb(self, data: Path) -> None:
        """Beside its final place and then renamed, so that a kill in between leaves no half cluster."""
        making = data.with_name("postgres.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        hand_over(making, self._account)
        flags = INITDB if self.durable else (*INITDB, "--no-sync")
        initdb = Launch(
            argv=(str(self._program("initdb")), "-D", str(making), *flags),
            cwd=making,
            env=ENVIRONMENT,
            account=self._account,
        )
        status, output = run_to_end(initdb)
        if status:
            raise EngineError(f"initdb failed: {output.strip()}")
        (making / "pg_hba.conf").write_text(HBA)
        making.rename(data)


def _drop_stale_lock(data: Path) -> None:
    """Remove postmaster.pid when that pid is no server on these data.

    PostgreSQL only asks whether the pid lives, and after a reboot or in a container it often does, as another program.
    """
    if server_pid(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)


def server_pid(data: Path) -> int | None:
    """The pid of the server that runs on these data, if there is one."""
    try:
        process = psutil.Process(int((data / "postmaster.pid").read_text().split("\n", 1)[0]))
        # A server's working directory is its data folder.
        found = process.name() == "postgres" and data.samefile(process.cwd())
    except (OSError, ValueError, psutil.Error):
        return None
    return process.pid if found else None
