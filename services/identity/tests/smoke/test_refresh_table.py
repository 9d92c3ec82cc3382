"""The table of refresh tokens: what each kind of token gets, and that numbers decide, never times."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from identity_rooms import Fakes, Visitor
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.answers import problem_of
from promenade_identity.session.entity import GRACE, REFRESH_LIFETIME, EndReason
from promenade_identity.user.entity import User

MOMENT = timedelta(microseconds=1)


class Clock:
    """The time of the session's use cases, as the test says."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stands still until the test moves it."""
    clock = Clock()
    monkeypatch.setattr("promenade_identity.session.use_cases.utc_now", clock)
    return clock


class Family:
    """A session with three refresh tokens: grandparent, parent and the current one, all of one instant."""

    def __init__(self, visitor: Visitor, address: str, clock: Clock) -> None:
        self.visitor, self.address, self.clock = visitor, address, clock
        self.tokens: list[dict[str, Any]] = []

    async def grow(self) -> None:
        self.tokens.append(await self.visitor.sign_up(self.address))
        for _ in range(2):
            answer = await self.visitor.refresh(self.current)
            assert answer.status_code == 200, answer.text
            self.tokens.append(answer.json())

    @property
    def current(self) -> str:
        return self.tokens[-1]["refresh_token"]

    @property
    def parent(self) -> str:
        return self.tokens[-2]["refresh_token"]

    @property
    def grandparent(self) -> str:
        return self.tokens[-3]["refresh_token"]

    async def after(self, time: timedelta, token: str) -> str:
        self.clock.now += time
        return token

    async def ended(self) -> str:
        await self.visitor.post("/auth/logout", token=self.tokens[-1]["access_token"])
        return self.current

    async def of_changed_user(self, change: Callable[[User], None], token: str) -> str:
        await self.visitor.change(self.address, change)
        return token


@pytest.fixture
async def family(visitor: Visitor, address: str, clock: Clock) -> Family:
    """A session with three generations of tokens."""
    family = Family(visitor, address, clock)
    await family.grow()
    return family


def delete(user: User) -> None:
    user.delete(utc_now())


TABLE: list[tuple[str, Callable[[Family], Awaitable[str]], str | None]] = [
    ("current", lambda f: f.after(timedelta(0), f.current), None),
    ("current, much later", lambda f: f.after(REFRESH_LIFETIME - MOMENT, f.current), None),
    ("parent at once", lambda f: f.after(timedelta(0), f.parent), None),
    ("parent in time", lambda f: f.after(GRACE - MOMENT, f.parent), None),
    ("parent too late", lambda f: f.after(GRACE, f.parent), "refresh-token-reused"),
    ("grandparent at once", lambda f: f.after(timedelta(0), f.grandparent), "refresh-token-reused"),
    ("expired", lambda f: f.after(REFRESH_LIFETIME, f.current), "invalid-refresh-token"),
    ("expired parent", lambda f: f.after(REFRESH_LIFETIME, f.parent), "invalid-refresh-token"),
    ("forged", lambda f: f.after(timedelta(0), f.current[::-1]), "invalid-refresh-token"),
    ("one letter more", lambda f: f.after(timedelta(0), f.current + "A"), "invalid-refresh-token"),
    ("an access token", lambda f: f.after(timedelta(0), f.tokens[-1]["access_token"]), "invalid-refresh-token"),
    ("of an ended session", lambda f: f.ended(), "invalid-refresh-token"),
    ("of a suspended user", lambda f: f.of_changed_user(User.suspend, f.current), "account-suspended"),
    ("of a deleted user", lambda f: f.of_changed_user(delete, f.current), "invalid-refresh-token"),
    ("stale, of a deleted user", lambda f: f.of_changed_user(delete, f.grandparent), "invalid-refresh-token"),
]


@pytest.mark.parametrize(("token", "refused"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
async def test_each_kind_of_refresh_token(
    family: Family, token: Callable[[Family], Awaitable[str]], refused: str | None
) -> None:
    """Current and parent are answered, the parent within ten seconds alone; each other kind has its own refusal."""
    answer = await family.visitor.refresh(await token(family))

    if refused is None:
        assert answer.status_code == 200, answer.text
    else:
        problem_of(answer, 401, refused)


async def test_the_parent_gets_what_the_current_one_would_renew(family: Family) -> None:
    """The same successor that was given out before, with a fresh access token; the family is none the older."""
    answer = (await family.visitor.refresh(family.parent)).json()

    assert answer["refresh_token"] == family.current
    assert answer["access_token"] not in [each["access_token"] for each in family.tokens]
    assert (await family.visitor.refresh(family.current)).status_code == 200


@pytest.mark.parametrize(
    "step", [0, 1, -3600, -864000], ids=["same instant", "next second", "an hour back", "days back"]
)
async def test_numbers_decide_whatever_the_clock_says(visitor: Visitor, address: str, clock: Clock, step: int) -> None:
    """Rotations of one instant, or under a clock that is set back: current, parent and older ones are told apart."""
    tokens = [(await visitor.sign_up(address))["refresh_token"]]
    for _ in range(5):
        clock.now += timedelta(seconds=step)
        tokens.append((await visitor.refresh(tokens[-1])).json()["refresh_token"])

    again = (await visitor.refresh(tokens[-2])).json()["refresh_token"]
    old = await visitor.refresh(tokens[-3])

    assert len(set(tokens)) == 6
    assert again == tokens[-1]
    problem_of(old, 401, "refresh-token-reused")


async def test_reuse_is_written_down_and_costs_one_family(family: Family, fakes: Fakes) -> None:
    """The session says why it ended, its access tokens are revoked before the answer; the user's other one lives."""
    other = await family.visitor.login(family.address)
    (session_id,) = [s.id for s in fakes.sessions._rows.values() if s.counter == 2]

    problem_of(await family.visitor.refresh(family.grandparent), 401, "refresh-token-reused")

    ended = {s.id: s.end_reason for s in fakes.sessions._rows.values()}
    assert [reason for key, reason in ended.items() if key != session_id] == [None]
    assert ended[session_id] is EndReason.REUSED
    assert [(each.kind, each.subject) for each in fakes.revocations.added] == [("sid", str(session_id))]
    assert fakes.announcements.announced == [1]
    assert (await family.visitor.refresh(other["refresh_token"])).status_code == 200
    for token in (family.current, family.parent, family.grandparent):
        problem_of(await family.visitor.refresh(token), 401, "invalid-refresh-token")


async def test_a_refresh_token_opens_no_door(family: Family) -> None:
    """It is no access token, neither the newest nor an older one."""
    for token in (family.current, family.parent):
        problem_of(await family.visitor.get("/me", token), 401, "invalid-token")
