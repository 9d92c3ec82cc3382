"""What a signed-in user may ask about himself."""

from __future__ import annotations

from dataclasses import dataclass

from promenade_chassis.ports import PageRequest, Principal

from promenade_identity.contact.repository import ContactFilter, Contacts
from promenade_identity.me.entity import Me
from promenade_identity.profile.repository import Profiles
from promenade_identity.role.repository import Grants
from promenade_identity.user.repository import Users

# Nobody has more that matter at once; /contacts has the rest.
CONTACTS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class MeRoom:
    """What the use case of this room works with."""

    users: Users
    profiles: Profiles
    contacts: Contacts
    grants: Grants


async def get_me(*, principal: Principal, room: MeRoom) -> Me:
    """The caller, read afresh: roles and permissions may be newer than those of his token."""
    user = await room.users.get(principal.id)
    profile = await room.profiles.of_user(user.id)
    contacts = await room.contacts.list(ContactFilter(user_id=user.id), PageRequest(limit=CONTACTS_SHOWN))
    return Me(user, profile, contacts.items, await room.grants.permissions_of(user.roles))
