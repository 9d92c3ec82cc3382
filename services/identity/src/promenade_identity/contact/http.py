"""Routes of contacts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType
from promenade_chassis.http.access import own
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import (
    Caller,
    ExpectedVersion,
    PathId,
    Resource,
    command,
    created,
    shown,
)
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue, raise_all
from promenade_kernel.values.phone import Phone

from promenade_identity.contact import use_cases
from promenade_identity.contact.entity import Contact, ContactType, ContactValue
from promenade_identity.contact.repository import CONTACTS, ContactFilter
from promenade_identity.contact.use_cases import ContactChanges, ContactRoom

PATH = "/api/v1/identity/contacts"
READ, WRITE = own("contacts:read"), own("contacts:write")
Room = NamedDependency[ContactRoom]
Label = Annotated[str, Meta(min_length=1, max_length=100)]
OfUser = Annotated[UUID | None, QueryParameter(description="Another user; needs contacts:write.")]


class AddContact(msgspec.Struct, kw_only=True):
    """A contact to add: `type`, and the field of that name."""

    type: ContactType
    email: Email | None = None
    phone: Phone | None = None
    address: Address | None = None
    label: Label | None = None

    def __post_init__(self) -> None:
        """Exactly the field that `type` names is filled."""
        given = [kind for kind in ContactType if getattr(self, kind) is not None]
        faults = [
            InvalidValue("not-of-type", f"A contact of type {self.type} has no {kind}", f"/{kind}")
            for kind in given
            if kind is not self.type
        ]
        if self.type not in given:
            faults.append(InvalidValue("required", f"A contact of type {self.type} needs {self.type}", f"/{self.type}"))
        raise_all(faults)

    @property
    def value(self) -> ContactValue:
        """The value of the field that `type` names."""
        return cast("ContactValue", getattr(self, self.type))


class ChangeContact(msgspec.Struct, kw_only=True):
    """What to change; a null `label` clears it."""

    email: Email | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    label: Label | None | UnsetType = UNSET


class Verify(msgspec.Struct):
    """The code from the message."""

    code: Annotated[str, Meta(min_length=1, max_length=20)]


class CodeSent(msgspec.Struct):
    """A code is on its way."""

    status: str = "code-sent"


class ContactResource(Resource, kw_only=True):
    """A contact; of email, phone and address the one that `type` names is filled."""

    user_id: UUID
    type: ContactType
    email: Email | None
    phone: Phone | None
    address: Address | None
    label: str | None
    is_primary: bool
    verified_at: datetime | None


Answer = Response[ContactResource]


def to_resource(contact: Contact) -> ContactResource:
    """The contact as the API shows it."""
    value = contact.value
    return ContactResource(
        id=contact.id,
        version=contact.version,
        created_at=contact.created_at,
        updated_at=contact.updated_at,
        user_id=contact.user_id,
        type=contact.type,
        email=value if isinstance(value, Email) else None,
        phone=value if isinstance(value, Phone) else None,
        address=value if isinstance(value, Address) else None,
        label=contact.label,
        is_primary=contact.is_primary,
        verified_at=contact.verified_at,
    )


class ContactController(Controller):
    """/contacts"""

    path = "/contacts"
    tags = ("contacts",)

    @post("/", access=WRITE, operation_id="add_contact", summary="Add a contact", status_code=201, refuses=(404,))
    async def add(
        self, data: JSONBody[AddContact], principal: Caller, contact_room: Room, user_id: OfUser = None
    ) -> Answer:
        """Adds an email address, phone number or postal address. It is not verified yet and not primary."""
        contact = await use_cases.add_contact(
            data.value, data.label, user_id=user_id, principal=principal, room=contact_room
        )
        return created(to_resource(contact), f"{PATH}/{contact.id}")

    @listing("/", CONTACTS, access=READ, operation_id="list_contacts", summary="List contacts")
    async def list(
        self, asked: Asked[ContactFilter], principal: Caller, contact_room: Room
    ) -> Response[Listing[ContactResource]]:
        """One's own contacts, newest first; staff see everybody's."""
        found = await use_cases.list_contacts(asked.wanted, asked.page, principal=principal, room=contact_room)
        return listed(asked, found.map(to_resource))

    @get("/{contact_id:uuid}", access=READ, operation_id="get_contact", summary="Read a contact")
    async def read(self, contact_id: PathId, principal: Caller, contact_room: Room) -> Answer:
        """The contact with its ETag."""
        return shown(to_resource(await use_cases.get_contact(contact_id, principal=principal, room=contact_room)))

    @patch("/{contact_id:uuid}", access=WRITE, operation_id="change_contact", summary="Change a contact")
    async def change(
        self,
        contact_id: PathId,
        data: JSONBody[ChangeContact],
        expected_version: ExpectedVersion,
        principal: Caller,
        contact_room: Room,
    ) -> Answer:
        """Changes label or value. A new value has to be verified again; the type stays."""
        contact = await use_cases.change_contact(
            contact_id, _changes(data), expected_version=expected_version, principal=principal, room=contact_room
        )
        return shown(to_resource(contact))

    @delete("/{contact_id:uuid}", access=WRITE, operation_id="delete_contact", summary="Delete a contact")
    async def remove(
        self, contact_id: PathId, expected_version: ExpectedVersion, principal: Caller, contact_room: Room
    ) -> None:
        """Deletes a contact. The primary one stays while there are others of its type."""
        await use_cases.delete_contact(
            contact_id, expected_version=expected_version, principal=principal, room=contact_room
        )

    @command(
        "/{contact_id:uuid}/restore", access=WRITE, operation_id="restore_contact", summary="Restore a deleted contact"
    )
    async def restore(
        self, contact_id: PathId, expected_version: ExpectedVersion, principal: Caller, contact_room: Room
    ) -> Answer:
        """Brings a deleted contact back, not as primary."""
        contact = await use_cases.restore_contact(
            contact_id, expected_version=expected_version, principal=principal, room=contact_room
        )
        return shown(to_resource(contact))

    @post(
        "/{contact_id:uuid}/send-code",
        access=WRITE,
        operation_id="send_contact_code",
        summary="Send a verification code",
        status_code=202,
    )
    async def send_code(
        self, contact_id: PathId, expected_version: ExpectedVersion, principal: Caller, contact_room: Room
    ) -> CodeSent:
        """Sends a six-digit code: good for 10 minutes and 5 tries, once a minute, five times an hour."""
        await use_cases.send_contact_code(
            contact_id, expected_version=expected_version, principal=principal, room=contact_room
        )
        return CodeSent()

    @command("/{contact_id:uuid}/verify", access=WRITE, operation_id="verify_contact", summary="Verify with the code")
    async def verify(
        self,
        contact_id: PathId,
        data: JSONBody[Verify],
        expected_version: ExpectedVersion,
        principal: Caller,
        contact_room: Room,
    ) -> Answer:
        """Proves that the contact is the user's own."""
        contact = await use_cases.verify_contact(
            contact_id, data.code, expected_version=expected_version, principal=principal, room=contact_room
        )
        return shown(to_resource(contact))

    @command(
        "/{contact_id:uuid}/make-primary", access=WRITE, operation_id="make_contact_primary", summary="Make it primary"
    )
    async def make_primary(
        self, contact_id: PathId, expected_version: ExpectedVersion, principal: Caller, contact_room: Room
    ) -> Answer:
        """Makes it the primary contact of its type; the one before steps back."""
        contact = await use_cases.make_contact_primary(
            contact_id, expected_version=expected_version, principal=principal, room=contact_room
        )
        return shown(to_resource(contact))


def _changes(data: ChangeContact) -> ContactChanges:
    return ContactChanges(
        values=tuple(value for value in (data.email, data.phone, data.address) if value is not UNSET),
        label=None if data.label is UNSET else data.label,
        changes_label=data.label is not UNSET,
    )
