"""What the specification adds to the routes: what each tag is about, and examples of one user."""

from __future__ import annotations

from promenade_chassis.http.openapi_examples import Documentation

_TOKEN = "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.eyJzdWIiOiIwMTlhM2Y2ZSJ9.c2lnbmF0dXJl"  # noqa: S105 - of nobody
_ACTIONS = ["suspend", "unlock", "change-roles", "delete"]

DOCUMENTATION = Documentation(
    tags={
        "registration": "From an address to an active account.",
        "sessions": "Signing in and out. Access tokens last minutes, sessions weeks.",
        "passwords": "Changing a password, also without knowing the old one.",
        "users": "What staff do with users: invite, suspend, unlock, delete, and say what they are.",
        "me": "All that the signed-in user is, in one answer.",
        "profiles": "What users tell about themselves.",
        "contacts": "Email addresses, phone numbers and postal addresses, and the proof that they are one's own.",
        "keys": "The public keys that access tokens are verified with.",
    },
    examples={
        "Register": {"display_name": "Ada", "locale": "en-GB"},
        "Login": {"password": "a sentence only you would think of"},
        "Refresh": {"refresh_token": "vJ1kQy6mY0dXw3uGm4m2yN0c5Yl8a7Zb"},
        "ChangePassword": {"current_password": "the sentence you had until now"},
        "Tokens": {
            "access_token": _TOKEN,
            "expires_in": 900,
            "refresh_token": "vJ1kQy6mY0dXw3uGm4m2yN0c5Yl8a7Zb",
            "refresh_expires_in": 2592000,
        },
        "SessionResource": {"device": "Firefox on Linux", "ip": "203.0.113.7", "current": True},
        "UserResource": {"status": "active", "roles": ["user"], "allowed_actions": _ACTIONS},
        "ManagedUserResource": {
            "status": "active",
            "roles": ["user"],
            "allowed_actions": _ACTIONS,
            "display_name": "Ada",
            "is_invited": True,
            "locked_until": None,
            "suspended_until": None,
            "suspension_reason": None,
        },
        "InviteUser": {"roles": ["manager"], "display_name": "Ada"},
        "SuspendUser": {"reason": "Left the company"},
        "ChangeRoles": {"roles": ["user", "manager"]},
        "MeResource": {"roles": ["user"], "permissions": []},
        "ChangeProfile": {
            "display_name": "Ada",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "bio": "Writes programs for engines that do not exist yet.",
            "date_of_birth": "1990-12-10",
            "country": "AT",
        },
        "ProfileResource": {
            "display_name": "Ada",
            "given_name": "Ada",
            "family_name": "Lovelace",
            "bio": "Writes programs for engines that do not exist yet.",
            "avatar_url": "https://example.com/ada",
            "date_of_birth": "1990-12-10",
            "links": ["https://example.com/ada"],
            "is_public": True,
        },
        "AddContact": {"type": "email", "phone": None, "address": None, "label": "private"},
        "ChangeContact": {"label": "private", "phone": None, "address": None},
        "Verify": {"code": "123456"},
        "ContactResource": {"type": "email", "phone": None, "address": None, "label": "private", "is_primary": True},
        "OwnContact": {"type": "email", "phone": None, "address": None, "label": "private", "is_primary": True},
    },
)
