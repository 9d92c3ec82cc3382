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
    "invite_user": Action.INVITE_USER,
    "suspend_user": Action.SUSPEND_USER,
    "reinstate_user": Action.REINSTATE_USER,
    "unlock_user": Action.UNLOCK_USER,
    "delete_user": Action.DELETE_USER,
    "restore_user": Action.RESTORE_USER,
    "change_user_roles": Action.CHANGE_ROLES,
    "create_role": Action.CREATE_ROLE,
    "change_role": Action.CHANGE_ROLE,
    "delete_role": Action.DELETE_ROLE,
}
