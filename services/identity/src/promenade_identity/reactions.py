"""All this context listens to: its own events, to write the mails they call for."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_chassis.events.bus import Bus
from promenade_kernel.events.envelope import Envelope
from promenade_kernel.events.identity import (
    ContactCodeRequested,
    UserInvited,
    UserLocked,
    UserPasswordResetRequested,
    UserRegistered,
    UserRegistrationRepeated,
    UserVerificationRequested,
)

from promenade_identity.contact.use_cases import ContactRoom, issue_contact_code
from promenade_identity.recovery.use_cases import RecoveryRoom, send_invitation_code, send_reset_code
from promenade_identity.user.use_cases import UserRoom, send_activation_code, send_notice


@dataclass(frozen=True)
class Reactions:
    """Each runs in the transaction of its inbox row: code, mail and that row commit together."""

    user_room: UserRoom
    contact_room: ContactRoom
    recovery_room: RecoveryRoom

    def subscribe(self, bus: Bus) -> None:
        """Tell the bus what this context reacts to."""
        bus.subscribe(UserRegistered, self.on_user_registered)
        bus.subscribe(UserVerificationRequested, self.on_user_verification_requested)
        bus.subscribe(UserRegistrationRepeated, self.on_user_registration_repeated)
        bus.subscribe(UserLocked, self.on_user_locked)
        bus.subscribe(UserPasswordResetRequested, self.on_user_password_reset_requested)
        bus.subscribe(UserInvited, self.on_user_invited)
        bus.subscribe(ContactCodeRequested, self.on_contact_code_requested)

    async def on_user_registered(self, event: UserRegistered, _: Envelope) -> None:
        """The first activation mail."""
        await send_activation_code(event.user_id, event.attempt_id, room=self.user_room)

    async def on_user_verification_requested(self, event: UserVerificationRequested, _: Envelope) -> None:
        """One more activation mail."""
        await send_activation_code(event.user_id, event.attempt_id, room=self.user_room)

    async def on_user_registration_repeated(self, event: UserRegistrationRepeated, _: Envelope) -> None:
        """The owner learns that the address was registered again."""
        await send_notice(event.user_id, "registration-repeated", room=self.user_room)

    async def on_user_locked(self, event: UserLocked, _: Envelope) -> None:
        """The owner learns of the wrong passwords."""
        await send_notice(event.user_id, "account-locked", room=self.user_room)

    async def on_user_password_reset_requested(self, event: UserPasswordResetRequested, _: Envelope) -> None:
        """The code that sets another password."""
        await send_reset_code(event.user_id, room=self.recovery_room)

    async def on_user_invited(self, event: UserInvited, _: Envelope) -> None:
        """The code that sets the first password."""
        await send_invitation_code(event.user_id, room=self.recovery_room)

    async def on_contact_code_requested(self, event: ContactCodeRequested, _: Envelope) -> None:
        """The code for another address or number."""
        await issue_contact_code(event.contact_id, event.value, room=self.contact_room)
