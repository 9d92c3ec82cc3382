"""What users are told by mail without having asked: the reactions on fakes."""

from __future__ import annotations

from typing import Any

import pytest
from identity_rooms import PASSWORD, Fakes, Visitor
from promenade_chassis.ports import utc_now
from promenade_identity.reactions import Reactions
from promenade_identity.recovery.use_cases import send_reset_code
from promenade_identity.user.entity import User
from promenade_kernel.events.identity import UserDeleted, UserPasswordChanged, UserReinstated, UserSuspended

NEW = "an otter writes the weather report"


async def react(fakes: Fakes, event: Any) -> list[tuple[str, str]]:
    """Template and address of the mails that an event calls for."""
    reactions = Reactions(fakes.rooms.user, fakes.rooms.contact, fakes.rooms.recovery)
    known = {
        UserSuspended: reactions.on_user_suspended,
        UserReinstated: reactions.on_user_reinstated,
        UserDeleted: reactions.on_user_deleted,
        UserPasswordChanged: reactions.on_user_password_changed,
    }
    before = len(fakes.mails.queued)
    await known[type(event)](event, None)
    return [(mail.subject, mail.to) for mail in fakes.mails.queued[before:]]


async def test_suspension_and_its_end_are_told(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """Each by a mail of its own."""
    await visitor.activate(address)
    told: list[tuple[str, str]] = []

    for change in (User.suspend, User.reinstate):
        await visitor.change(address, change)
        told += await react(fakes, fakes.unit_of_work.events[-1])

    assert told == [("account-suspended", address), ("account-reinstated", address)]


async def test_a_deleted_user_gets_a_last_mail(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """To the address he had."""
    await visitor.activate(address)
    await visitor.change(address, lambda user: user.delete(utc_now()))

    assert await react(fakes, fakes.unit_of_work.events[-1]) == [("account-deleted", address)]


@pytest.mark.parametrize("end", [User.delete, User.expire], ids=["deleted", "expired"])
async def test_an_address_that_nobody_proved_gets_no_farewell(
    visitor: Visitor, fakes: Fakes, address: str, end: Any
) -> None:
    """Its owner may never have heard of us."""
    await visitor.register(address)
    await visitor.change(address, lambda user: end(user, utc_now()))

    event = fakes.unit_of_work.events[-1]

    assert isinstance(event, UserDeleted)
    assert await react(fakes, event) == []


@pytest.mark.parametrize("way", ["change", "reset"])
async def test_another_password_is_told(visitor: Visitor, fakes: Fakes, address: str, way: str) -> None:
    """Whoever set it and however: the owner learns of it once."""
    token = (await visitor.sign_up(address))["access_token"]
    user = await visitor.user(address)

    if way == "change":
        await visitor.post("/auth/password/change", {"current_password": PASSWORD, "new_password": NEW}, token)
    else:
        await send_reset_code(user.id, room=fakes.rooms.recovery)
        code = fakes.mails.queued[-1].text.removeprefix("code=")
        await visitor.post("/auth/password/reset", {"email": address, "code": code, "new_password": NEW})

    changes = [event for event in fakes.unit_of_work.events if isinstance(event, UserPasswordChanged)]
    assert changes == [UserPasswordChanged(user_id=user.id)]
    assert await react(fakes, changes[0]) == [("password-changed", address)]


async def test_who_is_gone_is_told_nothing_more(visitor: Visitor, fakes: Fakes, address: str) -> None:
    """A notice that comes after the end is not sent; nor is it an error."""
    await visitor.activate(address)
    user = await visitor.user(address)
    await visitor.change(address, lambda user: user.delete(utc_now()))

    assert await react(fakes, UserSuspended(user_id=user.id)) == []
