"""The route of all that a signed-in user is."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from promenade_chassis.http.access import own
from promenade_chassis.http.resources import Caller, Resource
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_identity.contact.entity import Contact, ContactType
from promenade_identity.me import use_cases
from promenade_identity.me.use_cases import MeRoom
from promenade_identity.shapes import ProfileResource, UserResource, shape


class OwnContact(Resource, kw_only=True):
    """A contact as `/contacts` shows it."""

    user_id: UUID
    type: ContactType
    email: Email | None
    phone: Phone | None
    address: Address | None
    label: str | None
    is_primary: bool
    verified_at: datetime | None


class MeResource(msgspec.Struct, kw_only=True):
    """The caller; `permissions` is what his roles add up to at this moment."""

    user: UserResource
    profile: ProfileResource
    contacts: list[OwnContact]
    roles: list[str]
    permissions: list[str]


class MeController(Controller):
    """/me"""

    path = "/me"
    tags = ("me",)

    @get("/", access=own(), operation_id="get_me", summary="Read who one is", refuses=(404,))
    async def read(self, principal: Caller, me_room: NamedDependency[MeRoom]) -> MeResource:
        """User, profile, up to 100 contacts, roles and permissions in one answer."""
        me = await use_cases.get_me(principal=principal, room=me_room)
        return MeResource(
            user=shape(UserResource, me.user),
            profile=shape(ProfileResource, me.profile),
            contacts=[_contact(contact) for contact in me.contacts],
            roles=list(me.user.roles),
            permissions=sorted(me.permissions),
        )


def _contact(contact: Contact) -> OwnContact:
    value = contact.value
    return shape(
        OwnContact,
        contact,
        email=value if isinstance(value, Email) else None,
        phone=value if isinstance(value, Phone) else None,
        address=value if isinstance(value, Address) else None,
    )
