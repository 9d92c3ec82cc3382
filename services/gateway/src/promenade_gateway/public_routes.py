"""The routes that need no token, by name. Everything that is not in this list needs one."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_gateway.limits import LimitClass

IDENTITY = "/api/v1/identity"
BILLING = "/api/v1/billing"


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """`{name}` in the path stands for any one segment, `{name:uuid}` for one that is an id.

    `limit` names the stricter rate limits of routes that guess secrets or send mail.
    """

    name: str
    method: str
    path: str
    limit: LimitClass | None = None


PUBLIC_ROUTES = (
    PublicRoute("register", "POST", f"{IDENTITY}/auth/register", "register"),
    PublicRoute("verify-email", "POST", f"{IDENTITY}/auth/verify-email", "verify"),
    PublicRoute("resend-verification", "POST", f"{IDENTITY}/auth/resend-verification", "resend"),
    PublicRoute("login", "POST", f"{IDENTITY}/auth/login", "login"),
    PublicRoute("refresh", "POST", f"{IDENTITY}/auth/refresh", "refresh"),
    PublicRoute("forgot-password", "POST", f"{IDENTITY}/auth/password/forgot", "forgot"),
    PublicRoute("reset-password", "POST", f"{IDENTITY}/auth/password/reset", "reset"),
    PublicRoute("public-profile", "GET", f"{IDENTITY}/profiles/{{user_id:uuid}}"),
    PublicRoute("plans", "GET", f"{BILLING}/plans"),
    PublicRoute("plan", "GET", f"{BILLING}/plans/{{code}}"),
    PublicRoute("provider-callback", "POST", f"{BILLING}/provider/callbacks/{{provider}}"),
    PublicRoute("signing-keys", "GET", "/.well-known/jwks.json"),
    PublicRoute("health", "GET", "/health"),
    PublicRoute("live", "GET", "/health/live"),
    PublicRoute("ready", "GET", "/health/ready"),
    PublicRoute("openapi", "GET", "/openapi/{service}.json"),
    PublicRoute("own-openapi", "GET", "/openapi.json"),
    PublicRoute("problems", "GET", "/problems"),
    PublicRoute("problem", "GET", "/problems/{slug}"),
    PublicRoute("index", "GET", "/"),
    PublicRoute("docs", "GET", "/docs"),
    PublicRoute("docs-of-service", "GET", "/docs/{service}"),
    PublicRoute("docs-asset", "GET", "/docs/assets/{digest}/{name}"),
    PublicRoute("events", "GET", "/events"),
    PublicRoute("asyncapi", "GET", "/asyncapi.yaml"),
    PublicRoute("favicon", "GET", "/favicon.ico"),
    PublicRoute("robots", "GET", "/robots.txt"),
)
