"""Everybody of the access matrix with an account at a running stack, what they own, and what they must never see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import jwt
from access_table import Row
from e2e_stack import Stack
from fuzz_world import Caller, client_of, register

IDENTITY = "/identity"
ENDING = ("/auth/logout", "/auth/logout-all", "/auth/password/change")
ADDRESS = {"street": "Main Street 1", "city": "Vienna", "postal_code": "1010", "country": "AT"}
TOKENS = ("access_token", "refresh_token")


def fresh_email() -> str:
    return f"{uuid4().hex}@example.com"


def fresh_role() -> dict[str, Any]:
    return {"name": f"role-{uuid4().hex}", "permissions": ["orders:read"]}


# What the writes say, but for passwords and tokens.
BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "POST /auth/register": lambda: {"email": fresh_email(), "password": f"a heron waits {uuid4().hex}"},
    "POST /auth/verify-email": lambda: {"email": fresh_email(), "code": "000000"},
    "POST /auth/resend-verification": lambda: {"email": fresh_email()},
    "POST /auth/password/forgot": lambda: {"email": fresh_email()},
    "POST /auth/password/reset": lambda: {
        "email": fresh_email(),
        "code": "000000",
        "new_password": f"a heron waits {uuid4().hex}",
    },
    "POST /users": lambda: {"email": fresh_email(), "roles": ["user"]},
    "POST /users/{user_id}/suspend": lambda: {"reason": "to see who may"},
    "PUT /users/{user_id}/roles": lambda: {"roles": ["user"]},
    "POST /roles": fresh_role,
    "PATCH /roles/{name}": lambda: {"description": "changed"},
    "POST /contacts": lambda: {"type": "address", "address": ADDRESS},
    "PATCH /contacts/{contact_id}": lambda: {"label": "changed"},
    "POST /contacts/{contact_id}/verify": lambda: {"code": "000000"},
    "PATCH /profiles/me": lambda: {"bio": "changed"},
    "PATCH /profiles/{user_id}": lambda: {"bio": "changed"},
}


@dataclass
class Witness:
    """Takes down every answer, and every secret that was used or given out."""

    answers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    secrets: set[str] = field(default_factory=set[str])
    tokens: set[str] = field(default_factory=set[str])

    def watch(self, client: httpx.Client) -> None:
        client.event_hooks["response"].append(self._note)

    def _note(self, answer: httpx.Response) -> None:
        answer.read()
        self.answers.append((f"{answer.request.method} {answer.request.url.path}", answer.text))
        told: Any = json.loads(answer.text) if answer.text.startswith("{") else {}
        self.tokens |= {told[name] for name in TOKENS if name in told}
        sent: Any = json.loads(answer.request.content) if answer.request.content.startswith(b"{") else {}
        self.secrets |= {value for name, value in sent.items() if "password" in name and isinstance(value, str)}


@dataclass
class People:
    """`callers` has one for each kind but the guest."""

    callers: Mapping[str, Caller]
    guest: httpx.Client
    witness: Witness

    @staticmethod
    def at(stack: Stack) -> People:
        """With accounts of their own: the stack's superadmin, whom other tests know, changes nothing of his."""
        account = json.loads((stack.home / "credentials.json").read_text())
        staff = Caller(client_of(stack), account["email"], account["password"])
        callers = {who: register(stack) for who in ("user", "other", "manager", "admin", "superadmin")}
        people = People(callers, client_of(stack), Witness())
        for client in (people.guest, *(each.http for each in callers.values())):
            people.witness.watch(client)
        staff.sign_in()
        for who in ("manager", "admin", "superadmin"):
            path = f"{IDENTITY}/users/{id_of(callers[who])}/roles"
            assert staff.http.put(path, json={"roles": [who]}, headers=staff.headers).status_code == 200
        for caller in callers.values():
            caller.sign_in()
        return people

    def ask(self, row: Row, who: str, thing: str) -> int:
        """The status that somebody gets for the route, about a thing."""
        caller = self.callers.get(who)
        short = f"{row.method} {row.path.removeprefix('/api/v1/identity')}"
        body = self._body(short, caller or self.callers["user"])
        client = caller.http if caller else self.guest
        path = re.sub(r"{\w+}", thing, row.path)
        url = str(client.base_url).partition("/api/")[0] + path
        headers = caller.headers if caller else {}
        answer = client.request(row.method, url, json=body, headers=headers)
        if caller and path.endswith(ENDING):
            if answer.is_success and body:
                caller.password = body["new_password"]
            caller.sign_in()
        return answer.status_code

    def _body(self, short: str, caller: Caller) -> dict[str, Any] | None:
        if short == "POST /auth/login":
            return {"email": caller.email, "password": caller.password}
        if short == "POST /auth/refresh":
            return {"refresh_token": self._sign_in(caller)["refresh_token"]}
        if short == "POST /auth/password/change":
            return {"current_password": caller.password, "new_password": f"a heron waits {uuid4().hex}"}
        return BODIES[short]() if short in BODIES else None

    def thing(self, row: Row) -> str:
        """The name of something new that is the user's, in a state that the route works on."""
        owner, staff = self.callers["user"], self.callers["superadmin"]
        if "{contact_id}" in row.path:
            contact = owner.post(f"{IDENTITY}/contacts", {"type": "email", "email": fresh_email()}, 201)
            return self._ready(row, owner, "contacts", contact["id"])
        if "/users/{user_id}" in row.path:
            invited = staff.post(f"{IDENTITY}/users", {"email": fresh_email(), "roles": ["user"]}, 201)
            return self._ready(row, staff, "users", invited["id"])
        if "{name}" in row.path:
            return str(staff.post(f"{IDENTITY}/roles", fresh_role(), 201)["name"])
        if "{session_id}" in row.path:
            token = self._sign_in(owner)["access_token"]
            return str(jwt.decode(token, options={"verify_signature": False})["sid"])
        return id_of(owner)

    def _ready(self, row: Row, caller: Caller, kind: str, name: str) -> str:
        if row.path.endswith("/restore"):
            gone = caller.http.delete(f"{IDENTITY}/{kind}/{name}", headers=caller.headers)
            assert gone.status_code == 204, gone.text
        return str(name)

    def _sign_in(self, caller: Caller) -> Any:
        return caller.post(f"{IDENTITY}/auth/login", {"email": caller.email, "password": caller.password}, 200)


def id_of(caller: Caller) -> str:
    """Whose access token it is."""
    return str(jwt.decode(caller.token, options={"verify_signature": False})["sub"])
