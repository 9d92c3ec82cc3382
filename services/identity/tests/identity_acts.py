"""How each write of Identity is made possible, for the contract that all routes of the house share."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
from identity_contacts import CONTACTS, add, add_verified, code_of, email_contact, path_of
from identity_rooms import BASE, PASSWORD, Visitor, bearer
from identity_users import ACTIONS, UserActs
from promenade_chassis.testing.route_contract import Act
from promenade_identity.contact.use_cases import ContactRoom

COMMANDS = {
    "restore_contact": "restore",
    "send_contact_code": "send-code",
    "verify_contact": "verify",
    "make_contact_primary": "make-primary",
}
# Who may write roles, and holds what the acts write into them.
ROLE_STAFF = ("roles:read", "roles:write", "orders:read")
OF_USERS = {*ACTIONS, "invite_user", "restore_user"}
NEW_PASSWORD = "an owl sings in the rain at noon"


class IdentityActs:
    """Everybody is a fresh user, whom the client is signed in as for what follows."""

    def __init__(self, client: httpx.AsyncClient, visitor: Visitor) -> None:
        self._client = client
        self._visitor = visitor

    async def __call__(self, operation: str) -> Act:
        """The request of an operation, possible now."""
        address = f"{uuid4().hex}@example.com"
        tokens = await self._visitor.sign_up(address, *(["superadmin"] if operation in OF_USERS else []))
        headers = bearer(tokens["access_token"])
        self._client.headers.update(headers)
        if operation in OF_USERS:
            return await UserActs(self._client, self._visitor.fakes.rooms.administration)(operation)
        if operation in ("change_own_profile", "change_profile"):
            mine = f"{BASE}/profiles/{'me' if operation == 'change_own_profile' else tokens['user']['id']}"
            return Act(path=mine, body={"bio": "x"}, watch=mine, headers=headers)
        if operation in ("logout", "logout_all"):
            return Act(path=f"{BASE}/auth/{operation.replace('_', '-')}", headers=headers)
        if operation == "change_password":
            body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
            return Act(path=f"{BASE}/auth/password/change", body=body, headers=headers)
        if operation == "end_session":
            return await self._end_session(address, headers)
        if operation.endswith("_role"):
            staff = await self._visitor.staff(f"{uuid4().hex}@example.com", *ROLE_STAFF)
            return await RoleActs(self._client, bearer(staff))(operation)
        return await ContactActs(self._client, self._visitor.fakes.rooms.contact)(operation)

    async def _end_session(self, address: str, headers: dict[str, str]) -> Act:
        await self._visitor.login(address)
        sessions = (await self._client.get(f"{BASE}/auth/sessions", headers=headers)).json()["items"]
        other = next(each for each in sessions if not each["current"])
        listed = f"{BASE}/auth/sessions"
        return Act(path=f"{listed}/{other['id']}", watch=listed, version=other["version"], headers=headers)


class RoleActs:
    """`headers` are of somebody who holds `ROLE_STAFF`."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def __call__(self, operation: str) -> Act:
        """The request of an operation, possible now."""
        headers = self._headers
        role = {"name": f"role-{uuid4().hex}", "permissions": ["orders:read"]}
        if operation == "create_role":
            return Act(path=f"{BASE}/roles", body=role, headers=headers)
        assert (await self._client.post(f"{BASE}/roles", json=role, headers=headers)).status_code == 201
        path = f"{BASE}/roles/{role['name']}"
        body = {"permissions": ["roles:read"]} if operation == "change_role" else None
        return Act(path=path, body=body, watch=path, headers=headers)


class ContactActs:
    """The client is signed in as whoever has the contacts."""

    def __init__(self, client: httpx.AsyncClient, room: ContactRoom) -> None:
        self._client = client
        self._room = room

    async def __call__(self, operation: str) -> Act:
        """The request of an operation, possible now."""
        headers = {"Authorization": self._client.headers["Authorization"]}
        if operation == "add_contact":
            return Act(path=CONTACTS, body=email_contact(), headers=headers)
        verified = operation == "make_contact_primary"
        contact = await (add_verified(self._client, self._room) if verified else add(self._client))
        more: dict[str, Any] = {"watch": path_of(contact), "headers": headers}
        if operation == "restore_contact":
            assert (await self._client.delete(path_of(contact))).status_code == 204
            more["version"] = contact["version"] + 1
        if operation == "change_contact":
            more["body"] = {"label": "new"}
        if operation == "verify_contact":
            more["body"] = {"code": await code_of(self._room, contact)}
        return Act(path=path_of(contact, COMMANDS.get(operation, "")), **more)
