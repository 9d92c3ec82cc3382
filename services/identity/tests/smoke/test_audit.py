"""The audit trail over HTTP: what is taken down of each request, and how it is read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from identity_rooms import BASE, PASSWORD, Fakes, Visitor, bearer
from promenade_chassis.ports import StaleVersion, utc_now
from promenade_chassis.testing.answers import problem_of
from promenade_chassis.testing.route_contract import write_routes
from promenade_identity.actions import ACTIONS
from promenade_identity.audit.entity import SUCCESS, Action, Entry
from promenade_identity.password.entity import NewPassword
from promenade_identity.user.entity import User
from promenade_identity.user.use_cases import create_superadmin, expire_pending_users
from promenade_kernel.values.email import Email

NEW_PASSWORD = "an owl sings in the rain at noon"
WRONG = "not the password at all"
NOBODY = "nobody@example.com"


def told(entry: Entry) -> tuple[str, str, int | None, UUID | None, str | None]:
    return entry.action, entry.outcome, entry.status, entry.actor, entry.subject


async def sign_in_as(visitor: Visitor, address: str, *roles: str) -> str:
    """The access token of a new user with these roles."""
    await visitor.activate(address)

    def give(user: User) -> None:
        user.roles = roles

    await visitor.change(address, give)
    return (await visitor.login(address))["access_token"]


def test_every_write_is_an_action() -> None:
    """But for contacts and profiles, and nothing that is no write is one."""
    writes = {route.operation_id: route.path for route in write_routes(Fakes().app())}
    quiet = {name for name, path in writes.items() if path.startswith((f"{BASE}/contacts", f"{BASE}/profiles"))}

    assert ACTIONS.keys() == writes.keys() - quiet


async def test_what_is_done_without_a_session_has_its_entry(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Who proves that the address is his is the actor; who merely names it is nobody."""
    code = await visitor.register(address)
    await visitor.post("/auth/resend-verification", {"email": address})
    user = await visitor.user(address)
    await visitor.post("/auth/verify-email", {"email": address, "code": code})
    await visitor.post("/auth/password/forgot", {"email": address})
    tokens = await visitor.login(address)
    await visitor.refresh(tokens["refresh_token"])

    subject = str(user.id)
    assert [told(entry) for entry in fakes.trail.rows] == [
        ("auth.register", SUCCESS, 202, None, subject),
        ("auth.resend-verification", SUCCESS, 202, None, subject),
        ("auth.verify-email", SUCCESS, 200, user.id, subject),
        ("password.forgot", SUCCESS, 202, None, subject),
        ("auth.login", SUCCESS, 200, user.id, subject),
        ("auth.refresh", SUCCESS, 200, user.id, subject),
    ]
    opened, refreshed = fakes.trail.rows[-2:]
    assert opened.details == refreshed.details
    assert opened.details.keys() == {"session_id"}


async def test_what_a_signed_in_user_does_has_its_entry(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """With the session that did it; the session that was ended is named besides."""
    first = await visitor.sign_up(address)
    other = await visitor.login(address)
    user = await visitor.user(address)
    sessions = (await visitor.get("/auth/sessions", first["access_token"])).json()["items"]
    current = next(UUID(each["id"]) for each in sessions if each["current"])
    ended = next(each["id"] for each in sessions if not each["current"])
    fakes.trail.rows.clear()

    await visitor.delete(f"/auth/sessions/{ended}", first["access_token"])
    passwords = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    await visitor.post("/auth/password/change", passwords, first["access_token"])
    await visitor.post("/auth/logout", token=first["access_token"])
    await visitor.post("/auth/logout-all", token=other["access_token"])

    assert [told(entry) for entry in fakes.trail.rows] == [
        ("session.end", SUCCESS, 204, user.id, str(user.id)),
        ("password.change", SUCCESS, 204, user.id, str(user.id)),
        ("auth.logout", SUCCESS, 204, user.id, str(user.id)),
        ("auth.logout-all", SUCCESS, 204, user.id, str(user.id)),
    ]
    assert [entry.origin.session_id for entry in fakes.trail.rows] == [current, current, current, UUID(ended)]
    assert [entry.details.get("session_id") for entry in fakes.trail.rows] == [ended, None, str(current), None]


async def test_what_the_system_does_has_its_entry(fakes: Fakes) -> None:
    """By nobody, from nowhere: the superadmin of the command line, and the user who never proved his address."""
    address, late = Email(f"{uuid4().hex}@example.com"), User(email=Email(NOBODY), created_at=utc_now() - timedelta(8))
    for _ in range(2):
        await create_superadmin(address, NewPassword(PASSWORD), room=fakes.rooms.user)
    async with fakes.unit_of_work.begin():
        await fakes.users.add(late)
    await expire_pending_users(room=fakes.rooms.user)

    admin = await fakes.users.find_by_email(address)
    assert admin is not None
    assert [told(entry) for entry in fakes.trail.rows] == [
        ("user.create-superadmin", SUCCESS, None, None, str(admin.id)),
        ("user.delete", SUCCESS, None, None, str(late.id)),
    ]
    assert fakes.trail.rows[0].origin.request_id is None


async def test_an_entry_tells_where_the_request_came_from(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Address, device and request id, of what succeeds and of what is refused; what is no address is not kept."""
    await visitor.activate(address)
    fakes.trail.rows.clear()
    headers = {"X-Forwarded-For": "203.0.113.7, 10.0.0.1", "User-Agent": "Tea\t1.0", "X-Request-Id": "request-1"}

    for password in (PASSWORD, WRONG):
        body = {"email": address, "password": password}
        await visitor.client.post(f"{BASE}/auth/login", json=body, headers=headers)
    await visitor.client.post(f"{BASE}/auth/login", json={}, headers={"X-Forwarded-For": "<script>"})

    done, refused, strange = [entry.origin for entry in fakes.trail.rows]
    assert done == refused
    assert (done.ip, done.device, done.request_id, done.session_id) == ("203.0.113.7", "Tea1.0", "request-1", None)
    assert strange.ip == "127.0.0.1"


async def test_a_failed_login_names_the_user_there_is(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """As subject, not as actor; of an unknown address nothing is kept, and the two entries are otherwise alike."""
    await visitor.activate(address)
    user = await visitor.user(address)
    fakes.trail.rows.clear()

    for email in (address, NOBODY):
        await visitor.post("/auth/login", {"email": email, "password": WRONG})

    assert [told(entry) for entry in fakes.trail.rows] == [
        ("auth.login", "invalid-credentials", 401, None, str(user.id)),
        ("auth.login", "invalid-credentials", 401, None, None),
    ]
    assert [entry.details for entry in fakes.trail.rows] == [{}, {}]


async def test_asking_for_an_unknown_address_has_its_entry(visitor: Visitor, fakes: Fakes) -> None:
    """As for a known one, only that there is nobody to name."""
    for path in ("/auth/resend-verification", "/auth/password/forgot"):
        await visitor.post(path, {"email": NOBODY})

    assert [told(entry) for entry in fakes.trail.rows] == [
        ("auth.resend-verification", SUCCESS, 202, None, None),
        ("password.forgot", SUCCESS, 202, None, None),
    ]


@pytest.mark.parametrize(
    ("path", "body", "action", "code"),
    [
        ("verify-email", {"code": "000000"}, "auth.verify-email", "invalid-code"),
        ("password/reset", {"code": "000000", "new_password": NEW_PASSWORD}, "password.reset", "invalid-code"),
        ("login", {"password": PASSWORD}, "auth.login", "account-suspended"),
    ],
)
async def test_a_refusal_names_the_user_of_the_address(
    visitor: Visitor, fakes: Fakes, address: str, path: str, body: dict[str, Any], action: str, code: str
) -> None:
    """Whatever was asked of him."""
    await visitor.activate(address)
    await visitor.change(address, User.suspend)
    user = await visitor.user(address)

    answer = await visitor.post(f"/auth/{path}", {"email": address, **body})

    assert told(fakes.trail.rows[-1]) == (action, code, answer.status_code, None, str(user.id))
    problem_of(answer, answer.status_code, code)


async def test_a_reused_refresh_token_names_user_and_session(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Somebody has a copy: the trail tells of which session, and that it ended so."""
    tokens = await visitor.sign_up(address)
    opened = fakes.trail.rows[-1].details
    user = await visitor.user(address)
    newer = (await visitor.refresh(tokens["refresh_token"])).json()
    await visitor.refresh(newer["refresh_token"])
    fakes.trail.rows.clear()

    await visitor.refresh(tokens["refresh_token"])

    (entry,) = fakes.trail.rows
    assert told(entry) == ("auth.refresh", "refresh-token-reused", 401, None, str(user.id))
    assert entry.details == opened


@pytest.mark.parametrize(
    ("method", "path", "more", "told_as"),
    [
        ("POST", "/auth/logout", {}, ("auth.logout", "unauthenticated", 401)),
        ("POST", "/auth/login", {"headers": {"Authorization": "Bearer x"}}, ("auth.login", "invalid-token", 401)),
        ("POST", "/auth/login", {"content": b"{"}, ("auth.login", "malformed-json", 400)),
        ("POST", "/auth/login", {"json": {"email": "x"}}, ("auth.login", "invalid", 422)),
        ("POST", "/auth/login?x=1", {"json": {}}, ("auth.login", "unknown-parameter", 400)),
        ("POST", "/auth/login", {"content": b"x" * 1_100_000}, ("auth.login", "body-too-large", 413)),
        ("POST", "/auth/login", {"data": {"a": "b"}}, ("auth.login", "unsupported-media-type", 415)),
        ("DELETE", f"/auth/sessions/{uuid4()}", {}, ("session.end", "unauthenticated", 401)),
    ],
    ids=["access", "token", "json", "body", "query", "size", "type", "path"],
)
async def test_every_layer_that_refuses_leaves_an_entry(
    visitor: Visitor, fakes: Fakes, method: str, path: str, more: dict[str, Any], told_as: tuple[str, str, int]
) -> None:
    """Under the code that was answered."""
    answer = await visitor.client.request(method, BASE + path, **more)

    problem_of(answer, told_as[2], told_as[1])
    assert [(entry.action, entry.outcome, entry.status) for entry in fakes.trail.rows] == [told_as]


async def test_anothers_session_is_refused_and_taken_down(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """404 for the caller; the trail knows whose it was and who asked."""
    await visitor.sign_up(address)
    owner = await visitor.user(address)
    session_id = str(fakes.trail.rows[-1].details["session_id"])
    stranger = f"{uuid4().hex}@example.com"
    token = (await visitor.sign_up(stranger))["access_token"]
    fakes.trail.rows.clear()

    problem_of(await visitor.delete(f"/auth/sessions/{session_id}", token), 404, "not-found")

    (entry,) = fakes.trail.rows
    assert told(entry) == ("session.end", "not-found", 404, (await visitor.user(stranger)).id, str(owner.id))
    assert entry.details == {"session_id": session_id}


async def test_a_wrong_present_password_has_its_entry(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """By the user himself, from his session."""
    tokens = await visitor.sign_up(address)
    user = await visitor.user(address)
    fakes.trail.rows.clear()

    body = {"current_password": WRONG, "new_password": NEW_PASSWORD}
    await visitor.post("/auth/password/change", body, tokens["access_token"])

    assert [told(entry) for entry in fakes.trail.rows] == [
        ("password.change", "invalid", 422, user.id, str(user.id)),
    ]
    assert fakes.trail.rows[0].origin.session_id is not None


async def test_only_forbidden_reads_are_taken_down(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """With the operation that was wanted; not what may be read, is not found or is wrongly asked."""
    token = (await visitor.sign_up(address))["access_token"]
    user = await visitor.user(address)
    fakes.trail.rows.clear()

    for path in ("/me", "/audit", f"/contacts/{uuid4()}", "/auth/sessions?x=1", "/nowhere"):
        await visitor.get(path, token)
    await visitor.get("/me")
    await visitor.post("/contacts", {}, token)

    (entry,) = fakes.trail.rows
    assert told(entry) == ("read", "forbidden", 403, user.id, None)
    assert entry.details == {"operation": "list_audit_entries"}


async def test_what_is_rolled_back_leaves_no_success(
    visitor: Visitor, fakes: Fakes, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entry and effect are one transaction: when it fails, the failure alone is told of."""
    token = (await visitor.sign_up(address))["access_token"]

    async def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(fakes.revocations, "add", fail)

    answer = await visitor.post("/auth/logout-all", token=token)

    problem_of(answer, 500, "internal-error")
    assert [(entry.outcome, entry.status) for entry in fakes.trail.of(Action.LOGOUT_ALL)] == [("internal-error", 500)]


async def test_a_lost_race_that_is_run_again_is_one_action(
    visitor: Visitor, fakes: Fakes, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was tried in vain on the way to success is not told of."""
    token = (await visitor.sign_up(address))["access_token"]
    end_all, lost = fakes.sessions.end_all, [StaleVersion(), StaleVersion()]

    async def lose_twice(*given: Any, **named: Any) -> None:
        await end_all(*given, **named)
        if lost:
            raise lost.pop()

    monkeypatch.setattr(fakes.sessions, "end_all", lose_twice)

    answer = await visitor.post("/auth/logout-all", token=token)

    assert answer.status_code == 204, answer.text
    assert lost == []
    assert [entry.outcome for entry in fakes.trail.of(Action.LOGOUT_ALL)] == [SUCCESS]


async def test_a_trail_that_fails_changes_no_refusal(
    visitor: Visitor, fakes: Fakes, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is the same without its entry; a success without one is none."""
    await visitor.activate(address)

    async def fail(_: Entry) -> None:
        raise RuntimeError

    monkeypatch.setattr(fakes.trail, "add", fail)

    problem_of(await visitor.post("/auth/login", {"email": address, "password": WRONG}), 401, "invalid-credentials")
    problem_of(await visitor.post("/auth/login", {"email": address, "password": PASSWORD}), 500, "internal-error")
    assert (await visitor.user(address)).failed_logins == 1


async def test_reading_needs_the_permission(visitor: Visitor, address: str) -> None:
    """audit:read, which an ordinary user does not have."""
    token = await sign_in_as(visitor, address, "user")

    problem_of(await visitor.get("/audit"), 401, "unauthenticated")
    problem_of(await visitor.get("/audit", token), 403, "forbidden")


async def test_the_trail_is_read_newest_first(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Whole entries, page by page."""
    token = await sign_in_as(visitor, address, "admin")

    first = (await visitor.get("/audit?limit=2", token)).json()
    second = (await visitor.get(f"/audit?limit=2&cursor={first['next_cursor']}", token)).json()

    shown = [*first["items"], *second["items"]]
    assert [each["id"] for each in shown] == [str(entry.id) for entry in reversed(fakes.trail.rows)]
    newest, entry = shown[0], fakes.trail.rows[-1]
    assert newest == {
        "id": str(entry.id),
        "at": entry.at.isoformat().replace("+00:00", "Z"),
        "action": "auth.login",
        "outcome": "success",
        "status": 200,
        "actor": str(entry.actor),
        "subject": entry.subject,
        "session_id": None,
        "ip": "127.0.0.1",
        "device": entry.origin.device,
        "request_id": entry.origin.request_id,
        "details": dict(entry.details),
    }


async def test_the_trail_is_narrowed(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """By actor, subject, action and outcome, and by a time that begins at `from` and ends before `to`."""
    token = await sign_in_as(visitor, address, "admin")
    user, rows = await visitor.user(address), fakes.trail.rows
    await visitor.post("/auth/login", {"email": address, "password": WRONG})
    from_, to = (entry.at.isoformat().replace("+00:00", "Z") for entry in rows[1:3])

    wanted = {
        f"actor={user.id}": [entry for entry in rows if entry.actor == user.id],
        f"actor={uuid4()}": [],
        f"subject={user.id}": rows,
        "action=auth.login": fakes.trail.of(Action.LOGIN),
        "action=auth.login&outcome=invalid-credentials": fakes.trail.of(Action.LOGIN)[1:],
        f"from={from_}": rows[1:],
        f"to={to}": rows[:2],
        f"from={from_}&to={to}": rows[1:2],
    }
    for query, entries in wanted.items():
        answer = await visitor.get(f"/audit?{query}", token)
        assert [each["id"] for each in answer.json()["items"]] == [str(entry.id) for entry in reversed(entries)], query


@pytest.mark.parametrize("query", ["actor=x", "action=auth.x", "from=yesterday", "from_=2026-01-01T00:00:00Z", "q=x"])
async def test_a_query_that_means_nothing_is_refused(visitor: Visitor, address: str, query: str) -> None:
    """400, never ignored."""
    token = await sign_in_as(visitor, address, "admin")

    answer = await visitor.client.get(f"{BASE}/audit?{query}", headers=bearer(token))

    assert answer.status_code == 400, answer.text
