"""Which operation is which action of the audit trail: every write but those of one's own contacts and profile."""

from __future__ import annotations

from collections.abc import Mapping

from promenade_identity.audit.entity import Action

ACTIONS: Mapping[str, Action] = {
    "register": Action.REGISTER,
    "verify_email": Action.VERIFY_EMAIL,
    "resend_verification": Action.RESEND_VERIFICATION,
    "login": Action.LOGIN,
    "refresh": Action.REFRESH,
    "logout": Action.LOGOUT,
    "logout_all": Action.LOGOUT_ALL,
    "end_session": Action.END_SESSION,
    "forget_password": Action.FORGOT_PASSWORD,
    "reset_password": Action.RESET_PASSWORD,
    "change_password": Action.CHANGE_PASSWORD,
}
