"""What users see and tell of themselves, and the public keys: the routes with fakes behind them."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
from identity_rooms import Fakes, Visitor
from promenade_chassis.testing.answers import faults_of, problem_of
from promenade_identity.user.entity import User

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
    """A private one is not there for others; its owner always sees it."""
    mine = await visitor.sign_up(address)
    theirs = await visitor.sign_up(f"other{address}")
    path = f"/profiles/{mine['user']['id']}"

    private = await visitor.get(path, theirs["access_token"])
    own = await visitor.get(path, mine["access_token"])
    await visitor.patch(PROFILE, {"is_public": True}, mine["access_token"])
    public = await visitor.get(path, theirs["access_token"])

    problem_of(private, 404, "not-found")
    assert (own.status_code, public.status_code) == (200, 200)
    problem_of(await visitor.get(f"/profiles/{NOBODY}", theirs["access_token"]), 404, "not-found")


@pytest.mark.parametrize("path", [ME, PROFILE, f"/profiles/{NOBODY}"])
async def test_these_need_a_token(visitor: Visitor, path: str) -> None:
    """Without one they answer 401."""
    problem_of(await visitor.get(path), 401, "unauthenticated")
