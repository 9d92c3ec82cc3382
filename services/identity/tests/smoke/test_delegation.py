"""Nobody changes a user who holds what he lacks himself: not what belongs to that user either."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest
from identity_contacts import email_contact
from identity_rooms import BASE, Fakes, Visitor, bearer
from promenade_chassis.ports import utc_now
from promenade_chassis.testing.answers import problem_of
from promenade_identity.contact.entity import Contact
from promenade_kernel.values.phone import Phone

# What the staff of these tests may do to others' things, and all that they hold.
STAFF = ("contacts:read", "contacts:write", "profiles:read", "profiles:write", "sessions:revoke")
# Each with what is answered to who may: the code is wrong, and an unproved number cannot be primary.
WRITES = {
    "add a contact": ("POST", "/contacts?user_id={user}", email_contact(), 201),
    "change a contact": ("PATCH", "/contacts/{contact}", {"label": "new"}, 200),
    "delete a contact": ("DELETE", "/contacts/{contact}", None, 204),
    "restore a contact": ("POST", "/contacts/{deleted}/restore", None, 200),
    "send a code": ("POST", "/contacts/{contact}/send-code", None, 202),
    "verify a contact": ("POST", "/contacts/{contact}/verify", {"code": "no code"}, 422),
    "make a contact primary": ("POST", "/contacts/{contact}/make-primary", None, 409),
    "change the profile": ("PATCH", "/profiles/{user}", {"bio": "new"}, 200),
    "end a session": ("DELETE", "/auth/sessions/{session}", None, 204),
}


class Belongings:
    """What a user has, for the paths of `WRITES`."""

    def __init__(self, tokens: dict[str, Any], contact: Contact, deleted: Contact, session: str) -> None:
        self.token: str = tokens["access_token"]
        self._named = {"user": tokens["user"]["id"], "contact": contact.id, "deleted": deleted.id, "session": session}

    async def write(self, visitor: Visitor, what: str, token: str) -> httpx.Response:
        """Do something with them as somebody."""
        method, path, body, _ = WRITES[what]
        content: dict[str, Any] = {} if body is None else {"json": body}
        return await visitor.client.request(method, BASE + path.format(**self._named), headers=bearer(token), **content)


async def user_with(visitor: Visitor, fakes: Fakes, address: str, *roles: str) -> Belongings:
    """A user with a session, a contact, and one that he has deleted."""
    tokens = await visitor.sign_up(address, *roles)
    user_id = UUID(tokens["user"]["id"])
    contact, deleted = [Contact(user_id=user_id, value=Phone(number)) for number in ("+436601234567", "+436601234568")]
    async with fakes.unit_of_work.begin():
        for each in (contact, deleted):
            await fakes.contacts.add(each)
        deleted.delete(utc_now(), others=False)
        await fakes.contacts.save(deleted)
    (session,) = (await visitor.get("/auth/sessions", tokens["access_token"])).json()["items"]
    return Belongings(tokens, contact, deleted, session["id"])


@pytest.mark.parametrize("what", WRITES)
async def test_staff_leave_alone_what_is_a_superadmins(visitor: Visitor, fakes: Fakes, address: str, what: str) -> None:
    """With every permission that the route asks for: 403, and nothing has happened."""
    his = await user_with(visitor, fakes, address, "superadmin")
    staff = await visitor.staff(f"staff-{address}", *STAFF)
    before = [await visitor.get(path, his.token) for path in ("/me", "/auth/sessions")]
    events = len(fakes.unit_of_work.events)

    answer = await his.write(visitor, what, staff)

    problem_of(answer, 403, "permission-not-held")
    after = [await visitor.get(path, his.token) for path in ("/me", "/auth/sessions")]
    assert [each.content for each in after] == [each.content for each in before]
    assert len(fakes.unit_of_work.events) == events


@pytest.mark.parametrize("what", WRITES)
async def test_a_users_things_are_changed_by_staff_and_a_superadmins_by_himself(
    visitor: Visitor, fakes: Fakes, address: str, what: str
) -> None:
    """So far as the thing itself allows it."""
    users = await user_with(visitor, fakes, f"user-{address}")
    admins = await user_with(visitor, fakes, address, "superadmin")
    staff = await visitor.staff(f"staff-{address}", *STAFF)

    answers = [await users.write(visitor, what, staff), await admins.write(visitor, what, admins.token)]

    assert [answer.status_code for answer in answers] == [WRITES[what][3]] * 2
