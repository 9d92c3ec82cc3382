"""The home: the folder in which one stack keeps everything it has."""

import base64
import fcntl
import os
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from promenade_local.errors import StackError

DEFAULT = ".promenade"


class HomeInUse(StackError):
    """Another supervisor holds this home."""


class Home:
    """Paths of one home, and what is made there on the first start."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self.mail = root / "mail"
        self.credentials = root / "credentials.json"
        self.state = root / "state.json"
        self._lock = root / "supervisor.lock"

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> "Home":
        """$PROMENADE_HOME, or `.promenade` in the current directory."""
        return cls(Path(environ.get("PROMENADE_HOME") or DEFAULT).absolute())

    def prepare(self) -> None:
        """Make what is missing. A home that exists keeps the permissions it has."""
        try:
            self.root.mkdir(parents=True)
            # As root the engines run as another user, who must be able to pass through, no more.
            self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
        except FileExistsError:
            if not self.root.is_dir():
                raise StackError(f"{self.root} is not a folder") from None
        except OSError as refused:
            raise StackError(f"cannot make the home {self.root}: {refused.strerror}") from refused
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise StackError(f"the home {self.root} belongs to another user; set PROMENADE_HOME to one of your own")
        for folder in (self.logs, self.mail):
            folder.mkdir(mode=0o700, exist_ok=True)

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.logs / f"{name}.log"

    @contextmanager
    def held(self) -> Generator[None]:
        """Be the only supervisor of this home; the system frees it when the process dies."""
        with os.fdopen(os.open(self._lock, os.O_WRONLY | os.O_CREAT, 0o600), "w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise HomeInUse(f"another stack runs on the home {self.root}") from None
            yield

    def auth_key_secret(self) -> str:
        """The key that seals Identity's private keys: 32 random bytes, made once, readable by us alone."""
        return self._secret("auth-key-secret")

    def cursor_key(self) -> str:
        """The key that signs the cursors of lists, made once."""
        return self._secret("cursor-key")

    def _secret(self, name: str) -> str:
        path = self.root / name
        if not path.exists():
            write_private(path, base64.b64encode(secrets.token_bytes(32)).decode())
        return path.read_text()


def write_private(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file that only its owner can read: whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    fresh.rename(path)
