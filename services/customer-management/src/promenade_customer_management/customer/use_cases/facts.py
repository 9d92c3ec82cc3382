"""What events tell about customers. Each runs once per event, in the order of its aggregate's facts.

Only a replayed dead letter comes behind newer facts: it still takes effect, and overwrites nothing that is newer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from promenade_chassis.ports import NotYet
from promenade_kernel.values.email import Email
from promenade_kernel.values.phone import Phone

from promenade_customer_management.customer.entity import Customer, Told, UserStatus
from promenade_customer_management.customer.use_cases.room import CustomerRoom, note, note_lifecycle, note_of
from promenade_customer_management.customer.user_profile import ACTIVATED, REGISTERED, UserProfile

REGISTRATION = "registration"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something another context tells about a customer, named by id or, until that is known, by user."""

    kind: str
    summary: str
    at: datetime
    customer_id: UUID | None
    user_id: UUID | None
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    moves: str | None = None


async def welcome_registered_user(
    user_id: UUID, email: Email | None, name: str | None, told: Told, *, room: CustomerRoom
) -> None:
    """Make the lead of a new user, unless a live unlinked customer has the email: it waits for the proof.

    A user who has, or had, a customer is not new: later facts have arrived before.
    """
    async with room.unit_of_work.begin():
        status = await room.users.note_status(user_id, UserStatus.PENDING, told)
        profile, _ = await _learn(user_id, UserProfile.told(REGISTERED, name=_called(name, email)), room)
        if await room.customers.ever_of_user(user_id) is not None:
            return
        holder = await room.customers.of_email(email) if email else None
        if holder is not None and holder.user_id is None:
            return
        await _add_lead(user_id, email if holder is None else None, profile, status, holder, room)


async def link_activated_user(
    user_id: UUID, email: Email, name: str | None, locale: str | None, told: Told, *, room: CustomerRoom
) -> None:
    """The email is proved: link the unlinked customer that has it, or complete the user's own lead."""
    async with room.unit_of_work.begin():
        status = await room.users.note_status(user_id, UserStatus.ACTIVE, told)
        activation = UserProfile.told(ACTIVATED, name=_called(name, email), locale=locale)
        profile, news = await _learn(user_id, activation, room)
        mine = await room.customers.of_user(user_id)
        holder = await room.customers.of_email(email)
        if holder is not None and UserStatus.DELETED is holder.user_status is not status:
            await _pass_email_on(holder, told, room)
            holder = None
        if mine is None and holder is not None and holder.user_id is None:
            await room.users.note_proof(user_id, email, told)
            holder.change(user_id=user_id, user_status=status, locale=holder.locale or profile.locale)
            await room.customers.save(holder)
            await note(room, holder, "user.linked", "Its owner registered", user_id=str(user_id))
            return
        taken = holder is not None and holder.user_id != user_id
        if mine is None:
            mine = await _add_lead(user_id, None if taken else email, profile, status, holder, room)
        elif holder is not None and holder.user_id is None:
            await _note_duplicate(mine, holder, room)
        takes_email = not taken and await room.users.note_proof(user_id, email, told)
        mine.change(user_status=status, email=email if takes_email else mine.email, **news)
        await room.customers.save(mine)


async def learn_profile(user_id: UUID, told: UserProfile, at: datetime, *, room: CustomerRoom) -> None:
    """Copy what a user tells of himself; what he tells no differently than before stays as it was made by hand."""
    async with room.unit_of_work.begin():
        customer = await _customer_to_come(user_id, room)
        if customer is None:
            return
        _, news = await _learn(user_id, told, room)
        if not customer.is_deleted:
            await _take_over(customer, news, at, room)


async def flag_user(user_id: UUID, status: UserStatus, told: Told, *, room: CustomerRoom) -> None:
    """Remember what became of the user, for his customer, too, who may come later."""
    async with room.unit_of_work.begin():
        known = await room.users.note_status(user_id, status, told)
        customer = await room.customers.ever_of_user(user_id)
        if customer is None:
            return
        customer.change(user_status=known)
        await room.customers.save(customer)
        await note(room, customer, f"user.{status}", f"The user is {status}", at=told.at)


async def learn_contact(
    user_id: UUID, value: Email | Phone, told: Told, *, is_primary: bool, room: CustomerRoom
) -> None:
    """Copy the primary email or phone that a user proved; an email another customer has is left alone.

    A phone that is not the primary one stands in for it, where no phone is known but from another one like that.
    """
    async with room.unit_of_work.begin():
        customer = await _customer_to_come(user_id, room)
        if customer is None:
            return
        if isinstance(value, Phone):
            field, counts = "phone", await _phone_counts(customer, user_id, value, told, is_primary, room)
        else:
            field, counts = "email", await _email_counts(customer, user_id, value, told, is_primary, room)
        if counts and not customer.is_deleted:
            await _take_over(customer, {field: value}, told.at, room)


async def record_happening(happening: Happening, *, room: CustomerRoom) -> None:
    """Put what happened on the timeline and let it move the lifecycle. Raises `NotYet` for a customer not here yet.

    What happened to nobody we could know (a sale to a guest) is nobody's timeline. The id of a customer that there
    never was is an error of the sender's: the timeline's foreign key, or `NotFound`.
    """
    if happening.customer_id is None and happening.user_id is None:
        return
    async with room.unit_of_work.begin():
        if happening.customer_id is not None and happening.moves is None:
            await note_of(
                room, happening.customer_id, happening.kind, happening.summary, at=happening.at, **happening.data
            )
            return
        customer = await _find(happening, room)
        await note(room, customer, happening.kind, happening.summary, at=happening.at, **happening.data)
        if happening.moves is not None and customer.learn(happening.moves):
            await room.customers.save(customer)
            await note_lifecycle(room, customer, happening.summary, happening.at)


async def _find(happening: Happening, room: CustomerRoom) -> Customer:
    if happening.customer_id is not None:
        return await room.customers.get_with_deleted(happening.customer_id)
    found = await room.customers.ever_of_user(happening.user_id) if happening.user_id else None
    if found is None:
        raise NotYet
    return found


async def _customer_to_come(user_id: UUID, room: CustomerRoom) -> Customer | None:
    """The user's customer; raises `NotYet` while one may come.

    None when the user was deleted before he had one, as who is invited and never comes: nothing is kept of him.
    """
    customer = await room.customers.ever_of_user(user_id)
    if customer is None and await room.users.status(user_id) is not UserStatus.DELETED:
        raise NotYet
    return customer


async def _phone_counts(
    customer: Customer, user_id: UUID, phone: Phone, told: Told, is_primary: bool, room: CustomerRoom
) -> bool:
    if is_primary:
        return await room.users.note_proof(user_id, phone, told)
    stands_in, before = await room.users.note_spare_phone(user_id, phone, told)
    return stands_in and customer.phone in (None, before)


async def _email_counts(
    customer: Customer, user_id: UUID, email: Email, told: Told, is_primary: bool, room: CustomerRoom
) -> bool:
    """One that cannot be taken is not noted either: else it would keep an earlier one away that can."""
    holder = await room.customers.of_email(email) if is_primary else None
    if not is_primary or (holder is not None and holder.id != customer.id):
        return False
    return await room.users.note_proof(user_id, email, told)


async def _learn(user_id: UUID, told: UserProfile, room: CustomerRoom) -> tuple[UserProfile, dict[str, Any]]:
    """Note what a user tells of himself; answers all that is known now, and what of it is new."""
    before = await room.users.hold_profile(user_id)
    profile = before.learn(told)
    await room.users.put_profile(user_id, profile)
    return profile, profile.news(before)


async def _take_over(customer: Customer, told: dict[str, Any], at: datetime, room: CustomerRoom) -> None:
    """Change what the user told; the timeline says which fields, and not to what."""
    differing = sorted(name for name, value in told.items() if getattr(customer, name) != value)
    if differing:
        customer.change(**told)
        await room.customers.save(customer)
        await note(room, customer, "user.told", f"The user changed {', '.join(differing)}", at=at, fields=differing)


def _called(name: str | None, email: Email | None) -> str:
    return name or (email.partition("@")[0] if email else "Unnamed")


async def _add_lead(
    user_id: UUID,
    email: Email | None,
    profile: UserProfile,
    status: UserStatus,
    duplicate: Customer | None,
    room: CustomerRoom,
) -> Customer:
    lead = Customer(
        name=profile.name or "Unnamed",
        email=email,
        user_id=user_id,
        user_status=status,
        source=REGISTRATION,
        locale=profile.locale,
        timezone=profile.timezone,
    )
    lead.create()
    await room.customers.add(lead)
    await note(room, lead, "customer.created", "Registered")
    if duplicate is not None:
        await _note_duplicate(lead, duplicate, room)
    return lead


async def _pass_email_on(holder: Customer, told: Told, room: CustomerRoom) -> None:
    """Identity gave the address of a user who was deleted free, and another one has proved it now."""
    holder.change(email=None)
    await room.customers.save(holder)
    await note(room, holder, "customer.email-passed-on", "Another user has the email now", at=told.at)


async def _note_duplicate(customer: Customer, other: Customer, room: CustomerRoom) -> None:
    summary = "Another customer has the email of this user"
    await note(room, customer, "customer.possible-duplicates", summary, customers=[str(other.id)])
