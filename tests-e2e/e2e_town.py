"""Two gateways, somebody whose tokens end, and all the ways in which they do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from fuzz_world import Caller
from promenade_chassis.testing.polling import stretched

BASE = "/api/v1/identity"
WITHIN = 1.0  # identity.md
Tokens = dict[str, Any]


@dataclass
class Figures:
    """How long old tokens lived on after the command's answer, in seconds; `passed` is when the last one was sent."""

    passed: list[float] = field(default_factory=list[float])
    refused: list[float] = field(default_factory=list[float])

    def __str__(self) -> str:
        after = sum(1 for each in self.passed if each > 0)
        return f"{len(self.refused)} tries, {after} passed once more, refused after {max(self.refused) * 1000:.0f} ms"


class Town:
    """Two gateways, a user whose tokens end, and the staff who end them."""

    def __init__(self, clients: list[httpx.AsyncClient], staff: Caller, user: Caller, role: str) -> None:
        self.clients, self.staff, self.user, self.role = clients, staff, user, role
        self.user_id = ""

    async def call(self, method: str, path: str, body: Any, token: str | None, *expect: int) -> Any:
        """Through the first gateway."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.clients[0].request(method, BASE + path, json=body, headers=headers)
        assert answer.status_code in expect, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def sign_in(self) -> Tokens:
        body = {"email": self.user.email, "password": self.user.password}
        tokens = await self.call("POST", "/auth/login", body, None, 200)
        self.user_id = tokens["user"]["id"]
        return tokens

    async def refresh(self, tokens: Tokens, *expect: int) -> Any:
        body = {"refresh_token": tokens["refresh_token"]}
        return await self.call("POST", "/auth/refresh", body, None, *(expect or (200,)))

    async def of_user(self, method: str, command: str = "", body: Any = None) -> None:
        """What staff do to the user."""
        await self.call(method, f"/users/{self.user_id}{command}", body, self.staff.token, 200, 204)

    async def passes(self, token: str) -> None:
        """At both gateways."""
        for client in self.clients:
            answer = await client.get(f"{BASE}/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200, answer.text

    async def refused(self, token: str, figures: Figures, since: float) -> set[str]:
        """Once both gateways refuse it; with which codes."""
        return set(await asyncio.gather(*(self._refused(client, token, figures, since) for client in self.clients)))

    async def _refused(self, client: httpx.AsyncClient, token: str, figures: Figures, since: float) -> str:
        passed = 0.0
        while True:
            sent = time.monotonic()
            answer = await client.get(f"{BASE}/me", headers={"Authorization": f"Bearer {token}"})
            if answer.status_code == 401:
                figures.passed.append(passed)
                figures.refused.append(time.monotonic() - since)
                return str(answer.json()["code"])
            # Without the mark nobody passes, and nothing is known yet.
            passed = passed if answer.status_code == 503 else sent - since
            assert passed <= stretched(WITHIN), f"an old token passed {passed:.3f} s after the answer"

    # Each ends the tokens it is given, or others that it answers.

    async def suspension(self, tokens: Tokens) -> Tokens:
        await self.of_user("POST", "/suspend", {"reason": "to see him go"})
        return tokens

    async def deletion(self, tokens: Tokens) -> Tokens:
        await self.of_user("DELETE")
        return tokens

    async def other_roles(self, tokens: Tokens) -> Tokens:
        roles = ["user"] if self.role in tokens["user"]["roles"] else ["user", self.role]
        await self.of_user("PUT", "/roles", {"roles": roles})
        return tokens

    async def other_permissions(self, tokens: Tokens) -> Tokens:
        path = f"/roles/{self.role}"
        held = set((await self.call("GET", path, None, self.staff.token, 200))["permissions"])
        await self.call("PATCH", path, {"permissions": sorted(held ^ {"audit:read"})}, self.staff.token, 200)
        return tokens

    async def password(self, tokens: Tokens) -> Tokens:
        new = f"a new owl sings in the rain {uuid4()}"
        body = {"current_password": self.user.password, "new_password": new}
        await self.call("POST", "/auth/password/change", body, (await self.sign_in())["access_token"], 204)
        self.user.password = new
        return tokens

    async def logout(self, tokens: Tokens) -> Tokens:
        await self.call("POST", "/auth/logout", None, tokens["access_token"], 204)
        return tokens

    async def logout_all(self, tokens: Tokens) -> Tokens:
        await self.call("POST", "/auth/logout-all", None, (await self.sign_in())["access_token"], 204)
        return tokens

    async def end_of_session(self, tokens: Tokens) -> Tokens:
        own = await self.call("GET", "/auth/sessions", None, tokens["access_token"], 200)
        (current,) = (each["id"] for each in own["items"] if each["current"])
        other = (await self.sign_in())["access_token"]
        await self.call("DELETE", f"/auth/sessions/{current}", None, other, 204)
        return tokens

    async def reuse(self, tokens: Tokens) -> Tokens:
        child = await self.refresh(tokens)
        grandchild = await self.refresh(child)
        assert (await self.refresh(tokens, 401))["code"] == "refresh-token-reused"
        return grandchild


End = Callable[[Town, Tokens], Awaitable[Tokens]]
GONE = (401, "invalid-refresh-token")
# What the gateway says, what refreshing answers then, and how staff undo it.
ENDS: dict[str, tuple[End, str, tuple[int, str | None], tuple[str, str] | None]] = {
    "suspension": (Town.suspension, "token-stale", (401, "account-suspended"), ("POST", "/reinstate")),
    "deletion": (Town.deletion, "token-stale", GONE, ("POST", "/restore")),
    "roles": (Town.other_roles, "token-stale", (200, None), None),
    "password": (Town.password, "token-stale", GONE, None),
    "logout": (Town.logout, "token-revoked", GONE, None),
    "logout-all": (Town.logout_all, "token-stale", GONE, None),
    "end-of-session": (Town.end_of_session, "token-revoked", GONE, None),
    "refresh-reuse": (Town.reuse, "token-revoked", GONE, None),
    "permissions": (Town.other_permissions, "token-stale", (200, None), None),
}
