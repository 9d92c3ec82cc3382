"""Signing in and out: the routes with fakes behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from identity_rooms import BASE, PASSWORD, Fakes, Visitor, bearer
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_identity.revocation.entity import RevocationKind
from promenade_identity.session.entity import GRACE
from promenade_identity.user.entity import LOCK_EVERY, User

LOGIN, REFRESH = "/auth/login", "/auth/refresh"
NOBODY = "01a20489-0154-79db-9d6d-3381784fd965"
WRONG = "not the password at all"


async def try_login(visitor: Visitor, address: str, password: str = PASSWORD) -> Any:
    return await visitor.post(LOGIN, {"email": address, "password": password})


async def test_a_login_answers_tokens_and_user(visitor: Visitor, address: str) -> None:
    """The access token is good for a quarter of an hour, the refresh token for a week."""
    user = await visitor.activate(address)

    tokens = await visitor.login(address)

    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in", "user"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["refresh_expires_in"]) == ("Bearer", 900, 604800)
    assert tokens["user"] == user
    assert (await visitor.get("/me", tokens["access_token"])).status_code == 200


@pytest.mark.parametrize("state", ["unknown", "pending", "wrong", "locked", "deleted"])
async def test_refused_logins_are_alike(visitor: Visitor, fakes: Fakes, address: str, state: str) -> None:
    """Whatever the reason: one answer, one hash computed, one pace; the right password of a locked user included."""
    if state == "pending":
        await visitor.register(address)
    elif state != "unknown":
        await visitor.activate(address)
    if state == "locked":
        for _ in range(LOCK_EVERY):
            await try_login(visitor, address, WRONG)
    if state == "deleted":
        await visitor.change(address, lambda user: user.delete(utc_now()))
    hashes, paced = fakes.hashes.computed, fakes.pace.refused

    answer = await try_login(visitor, address, WRONG if state == "wrong" else PASSWORD)

    problem = problem_of(answer, 401, "invalid-credentials")
    assert problem["detail"] == "The email address or the password is wrong"
    assert (fakes.hashes.computed - hashes, fakes.pace.refused - paced) == (1, 1)


async def test_a_suspended_user_who_knows_his_password_is_told(visitor: Visitor, address: str) -> None:
    """It is his account, so he learns why; a wrong password is answered like everybody's."""
    await visitor.activate(address)
    await visitor.change(address, User.suspend)

    problem_of(await try_login(visitor, address), 401, "account-suspended")
    problem_of(await try_login(visitor, address, WRONG), 401, "invalid-credentials")


async def test_an_outdated_hash_is_made_anew_at_login(visitor: Visitor, address: str) -> None:
    """When the parameters change, passwords get the new ones as their owners come by."""
    await visitor.activate(address)

    def age(user: User) -> None:
        user.password_hash = f"old:{user.password_hash}"

    await visitor.change(address, age)

    await visitor.login(address)

    assert not ((await visitor.user(address)).password_hash or "old:").startswith("old:")


async def test_refreshing_gives_out_new_tokens(visitor: Visitor, address: str) -> None:
    """Both are new, of the same session, and the answer is that of a login."""
    first = await visitor.sign_up(address)

    answer = await visitor.refresh(first["refresh_token"])

    second = answer.json()
    assert answer.status_code == 200
    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    (session,) = (await visitor.get("/auth/sessions", second["access_token"])).json()["items"]
    assert session["current"]


async def test_the_parent_gets_the_same_successor_for_a_while(visitor: Visitor, address: str) -> None:
    """Parallel tabs each get an access token of their own and all the one refresh token."""
    first = await visitor.sign_up(address)

    answers = [(await visitor.refresh(first["refresh_token"])).json() for _ in range(3)]

    assert len({answer["refresh_token"] for answer in answers}) == 1
    assert len({answer["access_token"] for answer in answers}) == 3


async def age_rotation(fakes: Fakes, by: timedelta) -> None:
    """Make the last rotation of every session look older."""
    for session in fakes.sessions._rows.values():
        session.rotated_at -= by


@pytest.mark.parametrize("generations", [0, 1])
async def test_reuse_ends_the_session(visitor: Visitor, fakes: Fakes, address: str, generations: int) -> None:
    """The parent after its grace, and the grandparent at once: the family and its access tokens are done with."""
    first = await visitor.sign_up(address)
    newest = (await visitor.refresh(first["refresh_token"])).json()
    for _ in range(generations):
        newest = (await visitor.refresh(newest["refresh_token"])).json()
    if generations == 0:
        await age_rotation(fakes, GRACE)

    reuse = await visitor.refresh(first["refresh_token"])

    problem_of(reuse, 401, "refresh-token-reused")
    problem_of(await visitor.refresh(newest["refresh_token"]), 401, "invalid-refresh-token")
    problem_of(await visitor.refresh(first["refresh_token"]), 401, "invalid-refresh-token")
    (revocation,) = fakes.revocations.added
    assert revocation.kind is RevocationKind.SESSION
    assert fakes.announcements.announced == [1]


async def test_reuse_ends_no_other_session(visitor: Visitor, address: str) -> None:
    """A copied token costs the session it belongs to and nothing else."""
    first = await visitor.sign_up(address)
    other = await visitor.login(address)
    middle = (await visitor.refresh(first["refresh_token"])).json()
    await visitor.refresh(middle["refresh_token"])

    problem_of(await visitor.refresh(first["refresh_token"]), 401, "refresh-token-reused")

    assert (await visitor.refresh(other["refresh_token"])).status_code == 200


@pytest.mark.parametrize("token", ["made up", "x" * 43, "ü\N{GRINNING FACE}"])
async def test_unknown_refresh_tokens_are_refused(visitor: Visitor, token: str) -> None:
    """Also those that look like one."""
    problem_of(await visitor.refresh(token), 401, "invalid-refresh-token")


async def test_an_access_token_is_no_refresh_token(visitor: Visitor, address: str) -> None:
    """Nor the other way round."""
    tokens = await visitor.sign_up(address)

    answer = await visitor.post(REFRESH, {"refresh_token": tokens["access_token"][:512]})

    problem_of(answer, 401, "invalid-refresh-token")
    problem_of(await visitor.get("/me", tokens["refresh_token"]), 401, "invalid-token")


async def test_a_suspended_user_cannot_refresh(visitor: Visitor, address: str) -> None:
    """He is told why, and nothing of the session is lost by asking."""
    tokens = await visitor.sign_up(address)
    await visitor.change(address, User.suspend)

    problem_of(await visitor.refresh(tokens["refresh_token"]), 401, "account-suspended")

    await visitor.change(address, User.reinstate)
    assert (await visitor.refresh(tokens["refresh_token"])).status_code == 200


async def test_logout_ends_the_session_of_the_token(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Its refresh token is void, its access tokens are revoked before the answer; other sessions live."""
    tokens, other = await visitor.sign_up(address), await visitor.login(address)

    answer = await visitor.post("/auth/logout", token=tokens["access_token"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert [each.kind for each in fakes.revocations.added] == [RevocationKind.SESSION]
    assert fakes.announcements.announced == [1]
    problem_of(await visitor.refresh(tokens["refresh_token"]), 401, "invalid-refresh-token")
    assert (await visitor.refresh(other["refresh_token"])).status_code == 200
    assert (await visitor.post("/auth/logout", token=tokens["access_token"])).status_code == 204


async def test_logout_all_ends_everything(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """All refresh tokens are void, and the epoch makes all access tokens stale."""
    tokens, other = await visitor.sign_up(address), await visitor.login(address)

    answer = await visitor.post("/auth/logout-all", token=tokens["access_token"])

    assert answer.status_code == 204
    for each in (tokens, other):
        problem_of(await visitor.refresh(each["refresh_token"]), 401, "invalid-refresh-token")
    (revocation,) = fakes.revocations.added
    assert (revocation.kind, revocation.value) == (RevocationKind.EPOCH, 1)
    assert (await visitor.user(address)).authz_epoch == 1


async def test_sessions_are_listed_and_ended(visitor: Visitor, address: str) -> None:
    """Each shows device and address; one that is ended is gone."""
    await visitor.activate(address)
    agent = {"User-Agent": "Tablet/1.0", "X-Forwarded-For": "203.0.113.9, 10.0.0.1"}
    body = {"email": address, "password": PASSWORD}
    tablet = (await visitor.client.post("/api/v1/identity/auth/login", json=body, headers=agent)).json()
    here = await visitor.login(address)

    listed = (await visitor.get("/auth/sessions", here["access_token"])).json()["items"]
    path, stale = f"{BASE}/auth/sessions/{listed[1]['id']}", {**bearer(here["access_token"]), "If-Match": '"99"'}
    problem_of(await visitor.client.delete(path, headers=stale), 412, "precondition-failed")
    ended = await visitor.delete(f"/auth/sessions/{listed[1]['id']}", here["access_token"])

    assert [(each["device"], each["ip"], each["current"]) for each in listed[1:]] == [
        ("Tablet/1.0", "203.0.113.9", False)
    ]
    assert listed[0]["current"]
    assert ended.status_code == 204
    problem_of(await visitor.refresh(tablet["refresh_token"]), 401, "invalid-refresh-token")
    assert len((await visitor.get("/auth/sessions", here["access_token"])).json()["items"]) == 1
    problem_of(await visitor.delete(f"/auth/sessions/{listed[1]['id']}", here["access_token"]), 404, "not-found")


async def test_somebody_elses_session_is_not_there(visitor: Visitor, address: str) -> None:
    """Its owner alone sees and ends it."""
    mine = await visitor.sign_up(address)
    theirs = await visitor.sign_up(f"other{address}")
    (session,) = (await visitor.get("/auth/sessions", mine["access_token"])).json()["items"]

    answer = await visitor.delete(f"/auth/sessions/{session['id']}", theirs["access_token"])

    problem_of(answer, 404, "not-found")
    assert (await visitor.refresh(mine["refresh_token"])).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/auth/logout"),
        ("POST", "/auth/logout-all"),
        ("GET", "/auth/sessions"),
        ("DELETE", f"/auth/sessions/{NOBODY}"),
    ],
)
async def test_these_need_a_token(visitor: Visitor, method: str, path: str) -> None:
    """Without one they answer 401."""
    answer = await visitor.client.request(method, f"/api/v1/identity{path}", headers=bearer(None))

    problem_of(answer, 401, "unauthenticated")


@pytest.mark.parametrize(
    ("path", "body", "faults"),
    [
        (LOGIN, {}, {("/email", "required"), ("/password", "required")}),
        (LOGIN, {"email": "a@example.com", "password": "x" * 1025}, {("/password", "password-too-long")}),
        (LOGIN, {"email": "a@example.com", "password": "x", "otp": 1}, {("/otp", "unknown-field")}),
        (REFRESH, {"refresh_token": ""}, {("/refresh_token", "invalid-length")}),
        (REFRESH, {"refresh_token": ["x"]}, {("/refresh_token", "wrong-type")}),
    ],
)
async def test_bad_bodies_name_their_faults(
    visitor: Visitor, path: str, body: dict[str, Any], faults: set[tuple[str, str]]
) -> None:
    """All faults come at once, each with the place it is at."""
    assert faults_of(await visitor.post(path, body)) == faults
