"""Samples of identity's events."""

from promenade_kernel.events import identity as events
from promenade_kernel.events.registry import Event
from promenade_kernel.events.samples.story import ATTEMPT, CONTACT, EMAIL, NAME, PHONE, USER, moment

SAMPLES: tuple[Event, ...] = (
    events.UserRegistered(user_id=USER, attempt_id=ATTEMPT, email=EMAIL, display_name=NAME, locale="en-GB"),
    events.UserVerificationRequested(user_id=USER, attempt_id=ATTEMPT),
    events.UserRegistrationRepeated(user_id=USER),
    events.UserActivated(user_id=USER, email=EMAIL, display_name=NAME, locale="en-GB"),
    events.UserLocked(user_id=USER, until=moment(5, 12)),
    events.UserPasswordResetRequested(user_id=USER),
    events.UserSuspended(user_id=USER, until=moment(20, 0)),
    events.UserReinstated(user_id=USER),
    events.UserDeleted(user_id=USER),
    events.ContactCodeRequested(contact_id=CONTACT, user_id=USER, type="phone", value=PHONE),
    events.ContactVerified(contact_id=CONTACT, user_id=USER, type="phone", value=PHONE, is_primary=True),
)
