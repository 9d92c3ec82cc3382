"""What users see and tell of themselves, and the public keys: the routes with fakes behind them."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from identity_rooms import Fakes, Visitor
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_identity.user.entity import User
from promenade_kernel.events.identity import ProfileUpdated

ME, PROFILE = "/me", "/profiles/me"
NOBODY = "01a20489-0154-79db-9d6d-3381784fd965"


async def test_me_shows_all_that_one_is(visitor: Visitor, address: str) -> None:
    """User, profile, contacts, roles and permissions in one answer."""
    tokens = await visitor.sign_up(address)

    shown = (await visitor.get(ME, tokens["access_token"])).json()

    assert shown.keys() == {"user", "profile", "contacts", "roles", "permissions"}
    assert shown["user"] == tokens["user"]
    assert shown["profile"] == (await visitor.get(PROFILE, tokens["access_token"])).json()
    assert shown["contacts"] == (await visitor.get("/contacts", tokens["access_token"])).json()["items"]
    assert (shown["roles"], shown["permissions"]) == (["user"], [])


async def test_roles_show_as_permissions(visitor: Visitor, address: str) -> None:
    """Permissions are those of today's roles, in the token of the next login too."""
    await visitor.activate(address)

    def promote(user: User) -> None:
        user.roles = ("user", "manager")

    await visitor.change(address, promote)
    token = (await visitor.login(address))["access_token"]

    shown = (await visitor.get(ME, token)).json()

    assert "orders:place" in shown["permissions"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["permissions"] == shown["permissions"]
    assert claims["roles"] == ["user", "manager"]


async def test_the_keys_are_public(visitor: Visitor, fakes: Fakes) -> None:
    """Everybody may read them; nothing private is in them."""
    answer = await visitor.client.get("/.well-known/jwks.json")

    assert answer.status_code == 200
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    assert key["kid"] == (await fakes.ring.signing()).kid


async def test_a_profile_is_changed_field_by_field(visitor: Visitor, address: str) -> None:
    """What is not named stays; null clears."""
    token = (await visitor.sign_up(address))["access_token"]
    before = (await visitor.get(PROFILE, token)).json()
    change: dict[str, Any] = {
        "display_name": "Ada",
        "bio": "Counts.\nAlso in her sleep.",
        "avatar_url": "https://example.com/ada.png",
        "date_of_birth": "1990-02-28",
        "locale": "en-gb",
        "timezone": "Europe/London",
        "country": "GB",
        "links": ["https://example.com/a", "https://example.com/b"],
        "is_public": True,
    }

    changed = await visitor.patch(PROFILE, change, token)
    cleared = await visitor.patch(PROFILE, {"bio": None, "links": []}, token)

    assert changed.status_code == 200, changed.text
    assert changed.json() == before | change | {"locale": "en-GB", "version": 2} | {
        "updated_at": changed.json()["updated_at"]
    }
    assert (cleared.json()["bio"], cleared.json()["links"]) == (None, [])
    assert cleared.json()["display_name"] == "Ada"
    assert cleared.headers["etag"] == '"3"'


async def test_a_stale_version_changes_nothing(visitor: Visitor, address: str) -> None:
    """If-Match is honoured."""
    token = (await visitor.sign_up(address))["access_token"]

    refused = await visitor.patch(PROFILE, {"bio": "new"}, token, **{"If-Match": '"7"'})
    taken = await visitor.patch(PROFILE, {"bio": "new"}, token, **{"If-Match": '"1"'})

    problem_of(refused, 412, "precondition-failed")
    assert taken.status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("bio", "x" * 501, "too-long"),
        ("avatar_url", "http://example.com/ada.png", "invalid-url"),
        ("avatar_url", "https://", "invalid-url"),
        ("avatar_url", "https://user@example.com/", "invalid-url"),
        ("avatar_url", "javascript:alert(1)", "invalid-url"),
        ("date_of_birth", "2026-11-01", "invalid-date-of-birth"),
        ("date_of_birth", "1800-01-01", "invalid-date-of-birth"),
        ("date_of_birth", "2026-02-30", "invalid-format"),
        ("locale", "english please", "invalid-locale"),
        ("locale", "de-YY", "invalid-locale"),
        ("timezone", "Mars/Olympus", "invalid-timezone"),
        ("timezone", "../etc/passwd", "invalid-timezone"),
        ("country", "de", "invalid-country"),
        ("links", ["https://example.com/"] * 11, "invalid-length"),
        ("links", None, "wrong-type"),
        ("is_public", "yes", "wrong-type"),
        ("given_name", "two\nlines", "control-character"),
        ("user_id", NOBODY, "unknown-field"),
    ],
)
async def test_bad_profile_fields_are_refused(
    visitor: Visitor, address: str, field: str, value: Any, code: str
) -> None:
    """Each with its own reason."""
    token = (await visitor.sign_up(address))["access_token"]

    answer = await visitor.patch(PROFILE, {field: value}, token)

    assert faults_of(answer) == {(f"/{field}", code)}


async def test_others_see_public_profiles_only(visitor: Visitor, address: str) -> None:
    """A private one is not there for others, a public one is for everybody; its owner always sees it."""
    mine = await visitor.sign_up(address)
    theirs = await visitor.sign_up(f"other{address}")
    path = f"/profiles/{mine['user']['id']}"

    private = [await visitor.get(path, token) for token in (theirs["access_token"], None)]
    own = await visitor.get(path, mine["access_token"])
    await visitor.patch(PROFILE, {"is_public": True}, mine["access_token"])
    public = [await visitor.get(path, token) for token in (theirs["access_token"], None)]

    for answer in private:
        problem_of(answer, 404, "not-found")
    assert [answer.status_code for answer in (own, *public)] == [200, 200, 200]
    problem_of(await visitor.get(f"/profiles/{NOBODY}", theirs["access_token"]), 404, "not-found")


async def test_staff_see_and_change_any_profile(visitor: Visitor, address: str) -> None:
    """With profiles:read a private one shows, with profiles:write it changes; a refused body changes nothing."""
    theirs = await visitor.sign_up(address)
    path = f"/profiles/{theirs['user']['id']}"
    staff = await staff_of(visitor, address, "admin")

    read = await visitor.get(path, staff)
    stale = await visitor.patch(path, {"bio": "x"}, staff, **{"If-Match": '"7"'})
    refused = await visitor.patch(path, {"bio": "x" * 501, "locale": "qq", "user_id": NOBODY}, staff)
    changed = await visitor.patch(path, {"given_name": "Ada", "is_public": None}, staff)
    changed_indeed = await visitor.patch(path, {"given_name": "Ada"}, staff, **{"If-Match": '"1"'})

    assert (read.status_code, read.headers["etag"]) == (200, '"1"')
    problem_of(stale, 412, "precondition-failed")
    assert faults_of(refused) == {("/bio", "too-long"), ("/locale", "invalid-locale"), ("/user_id", "unknown-field")}
    assert faults_of(changed) == {("/is_public", "wrong-type")}
    assert (changed_indeed.status_code, changed_indeed.json()["given_name"]) == (200, "Ada")
    assert changed_indeed.json() == (await visitor.get(PROFILE, theirs["access_token"])).json()


async def test_without_the_permission_one_changes_ones_own_alone(visitor: Visitor, address: str) -> None:
    """Somebody else's profile is not there, also when it is public and also for who may only read it."""
    mine, theirs = await visitor.sign_up(address), await visitor.sign_up(f"other{address}")
    await visitor.patch(PROFILE, {"is_public": True}, theirs["access_token"])
    path = f"/profiles/{theirs['user']['id']}"

    by_user = await visitor.patch(path, {"bio": "x"}, mine["access_token"])
    by_reader = await visitor.patch(path, {"bio": "x"}, await staff_of(visitor, address, "manager"))
    own = await visitor.patch(f"/profiles/{mine['user']['id']}", {"bio": "x"}, mine["access_token"])

    problem_of(by_user, 404, "not-found")
    problem_of(by_reader, 404, "not-found")
    assert (own.status_code, own.json()["bio"]) == (200, "x")


async def test_the_profile_of_a_deleted_user_is_gone(visitor: Visitor, address: str) -> None:
    """For everybody, although it was public: for staff with every permission, too."""
    user = await visitor.sign_up(address)
    await visitor.patch(PROFILE, {"is_public": True}, user["access_token"])
    path, staff = f"/profiles/{user['user']['id']}", await staff_of(visitor, address, "superadmin")
    before = await visitor.get(path, staff)
    deleted = await visitor.delete(f"/users/{user['user']['id']}", staff)

    problem_of(await visitor.get(path, staff), 404, "not-found")
    problem_of(await visitor.patch(path, {"bio": "x"}, staff), 404, "not-found")
    problem_of(await visitor.patch(f"/profiles/{NOBODY}", {"bio": "x"}, staff), 404, "not-found")
    assert (before.status_code, deleted.status_code) == (200, 204)


async def test_what_others_copy_of_a_profile_is_told_once(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """One event a change, whoever makes it; none for what changes nothing, what nobody copies, and what is refused."""
    user = await visitor.sign_up(address)
    told = fakes.unit_of_work.events
    before = len(told)

    await visitor.patch(PROFILE, {"display_name": "Ada", "locale": "en-gb"}, user["access_token"])
    await visitor.patch(PROFILE, {"display_name": "Ada", "locale": "EN-GB"}, user["access_token"])
    await visitor.patch(PROFILE, {"bio": "Counts."}, user["access_token"])
    await visitor.patch(PROFILE, {"timezone": "Europe/London", "country": "xx"}, user["access_token"])
    await visitor.patch(PROFILE, {"display_name": "Eve"}, user["access_token"], **{"If-Match": '"9"'})
    await visitor.patch(f"/profiles/{user['user']['id']}", {"country": "GB"}, await staff_of(visitor, address, "admin"))

    changes = [event for event in told[before:] if isinstance(event, ProfileUpdated)]
    assert [(event.display_name, event.locale, event.country) for event in changes] == [
        ("Ada", "en-GB", None),
        ("Ada", "en-GB", "GB"),
    ]
    assert {str(event.user_id) for event in changes} == {user["user"]["id"]}


async def staff_of(visitor: Visitor, address: str, role: str) -> str:
    """The access token of somebody with that role."""
    await visitor.activate(f"{role}{address}")

    def promote(user: User) -> None:
        user.roles = (role,)

    await visitor.change(f"{role}{address}", promote)
    return (await visitor.login(f"{role}{address}"))["access_token"]


@pytest.mark.parametrize("path", [ME, PROFILE])
async def test_these_need_a_token(visitor: Visitor, path: str) -> None:
    """Without one they answer 401."""
    problem_of(await visitor.get(path), 401, "unauthenticated")
