"""Samples of identity's events."""

from promenade_kernel.events import identity as events
from promenade_kernel.events.registry import Event
from promenade_kernel.events.samples.story import ATTEMPT, CONTACT, EMAIL, NAME, PHONE, PROFILE, USER, moment

SAMPLES: tuple[Event, ...] = (
    events.UserRegistered(user_id=USER, attempt_id=ATTEMPT, email=EMAIL, display_name=NAME, locale="en-GB"),
    events.UserVerificationRequested(user_id=USER, attempt_id=ATTEMPT),
    events.UserRegistrationRepeated(user_id=USER),
    events.UserActivated(user_id=USER, email=EMAIL, display_name=NAME, locale="en-GB"),
    events.UserInvited(user_id=USER, email=EMAIL),
    events.UserRolesChanged(user_id=USER, roles=["manager", "user"], roles_before=["user"]),
    events.UserLocked(user_id=USER, until=moment(5, 12)),
    events.UserPasswordResetRequested(user_id=USER),
    events.UserPasswordChanged(user_id=USER),
    events.UserSuspended(user_id=USER, until=moment(20, 0)),
    events.UserReinstated(user_id=USER),
    events.UserDeleted(user_id=USER),
    events.UserRestored(user_id=USER, email=EMAIL, status="active"),
    events.ProfileUpdated(
        profile_id=PROFILE,
        user_id=USER,
        display_name=NAME,
        given_name="Ada",
        family_name="Lovelace",
        locale="en-GB",
        timezone="Europe/Vienna",
        country="AT",
    ),
    events.ContactCodeRequested(contact_id=CONTACT, user_id=USER, type="phone", value=PHONE),
    events.ContactVerified(contact_id=CONTACT, user_id=USER, type="phone", value=PHONE, is_primary=True),
    events.ContactMadePrimary(contact_id=CONTACT, user_id=USER, type="phone", value=PHONE),
)
