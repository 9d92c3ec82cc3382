"""No mail is lost, whenever a worker is killed; one comes twice only if the server had it and the mark was not set."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from identity_doomed import FAULTS, Doomed, Plan, launch
from identity_service import PASSWORD, fresh_address, furnished, settings_for
from identity_smtp import Inbox, serving
from promenade_chassis.testing.polling import eventually
from promenade_identity.furniture import Rooms
from promenade_identity.password.entity import NewPassword
from promenade_identity.user.use_cases import register
from promenade_kernel.values.email import Email

# After these the server has the mail, and nothing in the database says so.
TWICE = {"the server has said 250", "the mark is set, not committed"}

WORST = ["the code is stored, the mail is not", "the mail is taken", "the server has said 250"]


@dataclass
class Office:
    """Registrations that call for mails, workers that send them, and the server they go to."""

    rooms: Rooms
    inbox: Inbox
    plan: dict[str, Any]
    folder: Path
    workers: list[Doomed] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    async def register(self, count: int) -> None:
        for _ in range(count):
            self.addresses.append(fresh_address())
            name, password = Email(self.addresses[-1]), NewPassword(PASSWORD)
            await register(name, password, display_name=None, locale=None, room=self.rooms.user)

    async def launch(self, replica: str, fault: str = "") -> Doomed:
        log = self.folder / f"{len(self.workers)}.log"
        self.workers.append(await launch(Plan(**self.plan, replica=replica, fault=fault, log=str(log))))
        return self.workers[-1]

    def arrived(self) -> Counter[str]:
        """How often each mail did, by Message-ID."""
        return Counter(str(message["Message-ID"]) for message in self.inbox.messages)

    async def everybody_has_one_mail(self) -> None:
        """One row an address, sent, its text erased; what arrived are these mails and no others."""
        rows = await self.mails()
        assert len(rows) == len(self.addresses)
        assert all(row["sent_at"] is not None and row["sealed"] is None for row in rows)
        assert set(self.arrived()) == {f"<{row['id']}@promenade.example.com>" for row in rows}
        receivers = {str(message["Message-ID"]): str(message["To"]) for message in self.inbox.messages}
        assert sorted(receivers.values()) == sorted(self.addresses)

    async def mails(self) -> list[dict[str, Any]]:
        database = self.rooms.mail.unit_of_work
        async with database.reading_connection() as connection:  # type: ignore[attr-defined]
            return await (await connection.execute("SELECT id, sealed, sent_at FROM mail")).fetchall()


@pytest.fixture
async def office(database_url: str, redis_url: str, tmp_path: Path) -> AsyncGenerator[Office, None]:
    inbox = Inbox()
    settings = settings_for(database_url, redis_url, mail={"directory": str(tmp_path)})
    async with serving(inbox), furnished(settings) as (rooms, _):
        plan = {"database_url": database_url, "redis_url": redis_url, "smtp_port": inbox.port}
        office = Office(rooms, inbox, plan, tmp_path)
        yield office
        for worker in office.workers:
            worker.kill()


@pytest.mark.parametrize(
    ("faults", "replicas"),
    [
        pytest.param(WORST, ["one"], id="worst"),
        pytest.param(list(FAULTS), ["one", "two"], id="all", marks=pytest.mark.long),
    ],
)
async def test_a_worker_may_be_killed_at_any_step(office: Office, faults: list[str], replicas: list[str]) -> None:
    """At one after the other, with more and more mails under way; who comes last clears up after all of them."""
    for fault in faults:
        await office.register(2)
        await (await office.launch("one", fault)).killed()

    for replica in replicas:
        await office.launch(replica)
    await eventually(office.everybody_has_one_mail, within=30)

    assert sum(count - 1 for count in office.arrived().values()) == len(TWICE.intersection(faults))


@pytest.mark.long
async def test_two_replicas_may_be_killed_all_the_time(office: Office) -> None:
    """At moments nobody chose, under load, thirty times; no more mails come twice than workers have died."""
    chance, kills = random.Random(20261127), 30
    office.inbox.slow = 0.05  # a mail in hand whenever one dies
    replicas = {name: await office.launch(name) for name in ("one", "two")}

    for _ in range(kills):
        await office.register(5)
        await asyncio.sleep(chance.uniform(0.0, 0.3))
        victim = chance.choice(sorted(replicas))
        replicas[victim].kill()
        replicas[victim] = await office.launch(victim)

    await eventually(office.everybody_has_one_mail, within=90, every=0.5)
    twice = sum(count - 1 for count in office.arrived().values())
    print(f"{len(office.addresses)} mails, {kills} kills, {twice} came twice")
    assert twice <= kills
