"""The engines as wheels, as root and as an ordinary user, through crashes."""

import os
import pwd
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from promenade_chassis import embedded
from promenade_chassis.embedded import installation as installation_module
from promenade_chassis.embedded.account import Account, engine_account
from promenade_chassis.embedded.databases import create_databases
from promenade_chassis.embedded.installation import installation
from promenade_chassis.embedded.network import is_free
from promenade_chassis.embedded.pair import NAMES, EnginePair, running_engines
from promenade_chassis.embedded.placement import remove_data
from promenade_chassis.testing.polling import eventually_blocking, stretched

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what happens when root starts the engines")

# All imports come before the change of user: the interpreter itself may be out of an ordinary user's reach.
ENGINES_UNTIL_STDIN_ENDS = """
import encodings.idna, os, sys
from pathlib import Path
from promenade_chassis.embedded.pair import running_engines
if len(sys.argv) > 2:
    os.setgroups([]), os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
with running_engines(Path(sys.argv[1]), durable=False) as pair:
    print(pair.postgres.admin_url, pair.valkey.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user can enter, with a space in its name."""
    with tempfile.TemporaryDirectory(prefix="engines of ") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home below a folder that only its owner can enter, with a space in its name."""
    closed = tmp_path / "a home"
    closed.mkdir(mode=0o700)
    yield closed
    remove_data(closed)


@pytest.fixture(scope="module")
def module_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnginePair]:
    """Both engines of this module's own."""
    folder = tmp_path_factory.mktemp("engines")
    try:
        with running_engines(folder, valkey_durable=True) as pair:
            yield pair
    finally:
        remove_data(folder)


@pytest.fixture
def engines(module_engines: EnginePair) -> EnginePair:
    """The same for all tests that ask, each of which finds both alive."""
    for name in NAMES:
        if name not in module_engines.pids:
            module_engines.begin(name)
    return module_engines


@as_root
def test_roots_engines_run_as_an_unprivileged_user(home: Path):
    """Neither engine runs as root, and no folder on the way to the home is opened for them."""
    before = _modes(home)

    with running_engines(home) as pair:
        owners = {psutil.Process(pid).uids().effective for pid in pair.pids.values()}

    assert 0 not in owners
    assert _modes(home) == before
    assert (home / "data").is_symlink()


@as_root
def test_roots_data_stay_in_a_home_within_reach(reachable: Path):
    """The data folder belongs to the engines' user alone."""
    account = engine_account()
    with running_engines(reachable):
        found = (reachable / "data" / "postgres").stat()

    assert account is not None
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (account.uid, 0o700)


@as_root
def test_the_shared_copy_is_made_whole_by_several_at_once(reachable: Path, monkeypatch: pytest.MonkeyPatch):
    """First starts at the same time end with one copy that runs, and no half of another."""
    monkeypatch.setattr(installation_module, "SHARED_FOLDERS", (reachable / "shared",))
    account = engine_account()

    with ThreadPoolExecutor(3) as pool:
        found = set(pool.map(lambda _: installation(account), range(3)))

    assert len(found) == 1
    assert len(list((reachable / "shared").iterdir())) == 1


@as_root
def test_an_ordinary_user_runs_the_engines_from_the_wheel(reachable: Path):
    """No copy, no other user: everything belongs to whoever started it."""
    nobody = pwd.getpwnam("nobody")
    home = reachable / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    if not Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid).may_enter(Path(embedded.__file__).parent):
        pytest.skip("this checkout is out of an ordinary user's reach")

    with _engines_of_another_process(home, user=nobody.pw_uid) as (postgres_url, redis_url):
        with psycopg.connect(postgres_url) as connection:
            assert connection.execute("SHOW server_version_num").fetchone()[0].startswith("18")
        with redis.Redis.from_url(redis_url) as client:
            assert client.ping()

    assert (home / "data" / "postgres").stat().st_uid == nobody.pw_uid
    assert not (home / "data").is_symlink()


def test_a_role_cannot_connect_to_anothers_database(engines: EnginePair):
    """Each service reaches its own database and no other, the maintenance database included."""
    contexts = ["identity", "order-management"]
    for _ in range(2):  # making them again changes nothing
        create_databases(engines.postgres.admin_url, contexts)

    with psycopg.connect(engines.postgres.url("identity", "identity")) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    for database in ("order_management", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(engines.postgres.url("identity", database))


def test_a_lock_file_of_a_foreign_process_does_not_keep_the_server_down(engines: EnginePair):
    """After a reboot the pid in it may belong to any program; here it is this test's."""
    engines.kill("postgres")
    lock = next(Path(engines.home / "data").resolve().glob("postgres/postmaster.pid"))
    lock.write_text(lock.read_text().replace(lock.read_text().split("\n", 1)[0], str(os.getpid()), 1))

    engines.begin("postgres")

    assert engines.postgres.ready()


def test_valkey_keeps_what_it_was_told_over_kill_9(engines: EnginePair):
    """The append-only file of the stack's Valkey survives a crash."""
    with redis.Redis.from_url(engines.valkey.url) as client:
        client.set("key", "value")
        client.execute_command("WAITAOF", 1, 0, 2000)

    engines.restart("valkey", kill=True)

    with redis.Redis.from_url(engines.valkey.url) as client:
        assert client.get("key") == b"value"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_kill_9_of_the_parent_leaves_no_engine(home: Path):
    """Whoever started the engines takes them with him."""
    with _engines_of_another_process(home, kill=True) as (postgres_url, redis_url):
        ports = [int(url.split(":")[-1].split("/")[0]) for url in (postgres_url, redis_url)]
        assert not any(is_free(port) for port in ports)

    eventually_blocking(lambda: _assert_free(ports), within=10)


class _engines_of_another_process:  # noqa: N801  # reads as a with statement
    """Both engines, started by a process of their own, which ends or is killed with the block."""

    def __init__(self, home: Path, user: int | None = None, *, kill: bool = False) -> None:
        self._kill = kill
        self._process = subprocess.Popen(
            [sys.executable, "-c", ENGINES_UNTIL_STDIN_ENDS, str(home), *([] if user is None else [str(user)])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            text=True,
        )

    def __enter__(self) -> list[str]:
        return self._process.stdout.readline().split()

    def __exit__(self, *_: object) -> None:
        if self._kill:
            self._process.kill()
        with self._process:
            self._process.stdin.close()
            self._process.wait(stretched(90))


def _modes(folder: Path) -> list[int]:
    return [part.stat().st_mode for part in (folder, *folder.parents)]


def _assert_free(ports: list[int]) -> None:
    assert all(is_free(port) for port in ports)
