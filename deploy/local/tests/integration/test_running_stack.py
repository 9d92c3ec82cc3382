"""A stack that runs: what it tells, what it holds, and how it heals."""

import json
import os
import signal
import stat
import sys
import urllib.request
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from promenade_chassis.testing.polling import eventually_blocking
from promenade_local.status import ProcessStatus
from stacks import StackUnderTest

NAMES = ["gateway", "identity", "customer-management", "order-management", "billing", "postgres", "valkey"]


def test_status_tells_the_seven_names_exactly(running: StackUnderTest):
    """Programs get these fields and no more, in one line of JSON."""
    found = json.loads(running.run("status", "--json").stdout)

    assert list(found) == ["processes"]
    assert [row["name"] for row in found["processes"]] == NAMES
    assert all(list(row) == ["name", "pid", "port", "ready", "restarts"] for row in found["processes"])
    assert all(row["ready"] is True for row in found["processes"])
    assert found["processes"][0]["port"] == running.port
    assert len({row["pid"] for row in found["processes"]}) == 7


def test_status_for_people_names_everything(running: StackUnderTest):
    """One line a process."""
    done = running.run("status")

    assert done.returncode == 0
    assert all(name in done.stdout for name in NAMES)


def test_the_gateway_answers_on_the_port_asked_for(running: StackUnderTest):
    """`up --detach` came back only when this was true."""
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/health") as answer:
        assert answer.status == 200


def test_the_engines_answer_without_a_password(running: StackUnderTest):
    """Each context's role reaches its database, and Valkey persists."""
    rows = running.rows()

    with psycopg.connect(f"postgresql://billing@127.0.0.1:{rows['postgres'].port}/billing") as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    with redis.Redis(port=rows["valkey"].port) as client:
        assert client.config_get("append*")["appendonly"] == "yes"
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_the_superadmin_was_made_with_the_password_in_the_file(running: StackUnderTest):
    """Nobody but the owner can read it."""
    file = running.home / "credentials.json"
    credentials = json.loads(file.read_text())

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(credentials) == ["email", "password"]
    assert (running.home / "superadmins").read_text() == f"{credentials['email']} {credentials['password']}\n"


def test_a_second_up_on_the_same_home_says_who_is_there(running: StackUnderTest):
    """It names the process and the port, and changes nothing."""
    before = eventually_blocking(lambda: _all_ready(running))

    for arguments in (["up"], ["up", "--detach"]):
        done = running.run(*arguments)
        assert done.returncode != 0
        assert str(running.supervisor().pid) in done.stdout
        assert str(running.port) in done.stdout

    assert eventually_blocking(lambda: _all_ready(running)) == before


def _all_ready(running: StackUnderTest) -> dict[str, ProcessStatus]:
    """A loaded machine may take one of them for away."""
    rows = running.rows()
    assert all(row.ready for row in rows.values())
    return rows


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_is_left_running_holds_none_of_its_starters_files(running: StackUnderTest):
    """Input comes from nowhere, output goes to files of the home; a pipe or terminal of the caller is free."""
    seen = 0
    for process in [running.supervisor(), *running.supervisor().children(recursive=True)]:
        try:
            held = {os.readlink(f"/proc/{process.pid}/fd/{number}") for number in (0, 1, 2)}
        except (FileNotFoundError, ProcessLookupError):
            continue  # one of PostgreSQL's, which come and go

        seen += 1
        assert all(file == "/dev/null" or file.startswith(str(running.home)) for file in held)

    assert seen > len(NAMES)


@pytest.mark.parametrize("name", ["billing", "gateway", "postgres", "valkey"])
def test_a_killed_process_comes_back(running: StackUnderTest, name: str):
    """Engines as well as services have another pid, one more restart, and answer again."""
    before = running.rows()[name]

    os.kill(before.pid, signal.SIGKILL)

    def back() -> ProcessStatus:
        now = running.rows()[name]
        assert now.ready
        assert now.pid != before.pid
        return now

    assert eventually_blocking(back, within=20).restarts > before.restarts


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere services are executed, not forked")
def test_services_survive_the_process_they_are_forked_from(running: StackUnderTest):
    """It is no row of status, yet its death must not end the stack: its services are started without it."""
    before = running.rows()
    (nursery,) = (child for child in running.supervisor().children() if "nursery" in " ".join(child.cmdline()))

    nursery.kill()

    def back() -> dict[str, ProcessStatus]:
        now = running.rows()
        assert all(row.ready for row in now.values())
        assert all(now[name].pid != before[name].pid for name in NAMES[:5])
        return now

    assert eventually_blocking(back, within=30)["postgres"].pid == before["postgres"].pid


def test_logs_show_one_process_or_all(running: StackUnderTest):
    """One by its name, all with their names, no other."""
    assert "billing all starts" in running.run("logs", "billing").stdout
    assert "identity             | identity all starts" in running.run("logs").stdout
    wrong = running.run("logs", "nobody")
    assert wrong.returncode == 1
    assert "billing" in wrong.stderr


def test_mails_are_listed_and_shown(running: StackUnderTest):
    """What lies in the mail folder can be read on the command line."""
    text = "To: ada@example.com\nSubject: Your code\nDate: Fri, 02 Jan 2026 03:04:05 +0000\n\nIt is 123456.\n"
    (running.home / "mail" / "one.eml").write_text(text)

    assert "Your code" in running.run("mail", "list").stdout
    assert "It is 123456." in running.run("mail", "show").stdout
    assert running.run("mail", "show", "--to", "bob@").returncode == 1


def test_doctor_finds_the_stack_in_good_health(running: StackUnderTest):
    """It asks every process."""
    done = running.run("doctor", PROMENADE_CONFIG_DIR="")

    assert f"gateway on port {running.port} answers" in done.stdout


def test_the_home_has_nothing_that_others_can_read(running: StackUnderTest):
    """Others may pass through the home at most; what is in it is closed or belongs to the engines."""
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in Path(running.home).iterdir()}

    assert all(mode & 0o077 == 0 for name, mode in modes.items() if name not in ("data", "superadmins"))
    assert psutil.pid_exists(running.supervisor().pid)
