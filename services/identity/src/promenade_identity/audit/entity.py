"""An entry of the audit trail: who did what, to whom, and what came of it."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What the trail tells of, as `GET /audit?action=` names it."""

    REGISTER = "auth.register"
    VERIFY_EMAIL = "auth.verify-email"
    RESEND_VERIFICATION = "auth.resend-verification"
    LOGIN = "auth.login"
    REFRESH = "auth.refresh"
    LOGOUT = "auth.logout"
    LOGOUT_ALL = "auth.logout-all"
    END_SESSION = "session.end"
    FORGOT_PASSWORD = "password.forgot"  # noqa: S105 - the name of an action
    RESET_PASSWORD = "password.reset"  # noqa: S105 - the name of an action
    CHANGE_PASSWORD = "password.change"  # noqa: S105 - the name of an action
    INVITE_USER = "user.invite"
    SUSPEND_USER = "user.suspend"
    REINSTATE_USER = "user.reinstate"
    UNLOCK_USER = "user.unlock"
    DELETE_USER = "user.delete"
    RESTORE_USER = "user.restore"
    CHANGE_ROLES = "user.change-roles"
    CREATE_ROLE = "role.create"
    CHANGE_ROLE = "role.change"
    DELETE_ROLE = "role.delete"
    ROTATE_KEY = "key.rotate"
    REVOKE_SESSIONS = "session.revoke-all"
    CREATE_SUPERADMIN = "user.create-superadmin"
