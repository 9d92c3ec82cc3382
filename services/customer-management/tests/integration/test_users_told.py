"""What the port `Users` promises of profiles and of phones that stand in: run against the fake and PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from promenade_chassis.database import TransactionMisuse
from promenade_customer_management.customer.entity import Told, UserStatus
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_customer_management.customer.user_profile import UserProfile
from promenade_kernel.values.phone import Phone

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
FIRST, SECOND, THIRD = Phone("+436601234567"), Phone("+436607654321"), Phone("+4915112345678")


def told(by: UUID, sequence: int, *, later: int = 0) -> Told:
    return Told(by=by, sequence=sequence, at=NOW + timedelta(seconds=later))


async def test_the_status_that_was_told_last_is_known(room: CustomerRoom) -> None:
    """Of each user his own, by the count of his facts; none of one nobody told of."""
    user_id = uuid4()
    async with room.unit_of_work.begin():
        await room.users.note_status(user_id, UserStatus.DELETED, told(user_id, 2))
        await room.users.note_status(user_id, UserStatus.ACTIVE, told(user_id, 1))

        assert await room.users.status(user_id) is UserStatus.DELETED
        assert await room.users.status(uuid4()) is UserStatus.NONE


async def test_a_profile_is_read_as_it_was_stored(room: CustomerRoom) -> None:
    """Of each user his own; nothing is known of one nobody told of, nor of what was rolled back."""
    user_id, users = uuid4(), room.users
    profile = UserProfile(name="עדה", name_sequence=3, locale="de-AT", timezone="Europe/Vienna", sequence=7)
    with suppress(LookupError):
        async with room.unit_of_work.begin():
            await users.hold_profile(user_id)
            await users.put_profile(user_id, profile)
            raise LookupError
    async with room.unit_of_work.begin():
        before = await users.hold_profile(user_id)
        await users.put_profile(user_id, profile)
        after, others = await users.hold_profile(user_id), await users.hold_profile(uuid4())

    assert before == others == UserProfile()
    assert after == profile


async def test_a_phone_stands_in_until_another_one_does(room: CustomerRoom) -> None:
    """Of one contact by its sequence, among several by the time; each answers which one stood in before."""
    user_id, contact, other = uuid4(), uuid4(), uuid4()
    in_turn = [
        (FIRST, told(contact, 2), (True, None)),
        (SECOND, told(contact, 1, later=5), (False, FIRST)),
        (SECOND, told(other, 9), (False, FIRST)),
        (SECOND, told(other, 1, later=1), (True, FIRST)),
        (THIRD, told(other, 2, later=1), (True, SECOND)),
        (FIRST, told(contact, 9), (False, THIRD)),
    ]

    async with room.unit_of_work.begin():
        answers = [await room.users.note_spare_phone(user_id, phone, source) for phone, source, _ in in_turn]
        others = await room.users.note_spare_phone(uuid4(), FIRST, told(contact, 1))

    assert answers == [answer for _, _, answer in in_turn]
    assert others == (True, None)


async def test_no_phone_stands_in_for_a_primary_one(room: CustomerRoom) -> None:
    """However new it is."""
    user_id = uuid4()
    async with room.unit_of_work.begin():
        await room.users.note_proof(user_id, FIRST, told(uuid4(), 2))

        assert await room.users.note_spare_phone(user_id, SECOND, told(uuid4(), 1, later=9)) == (False, None)
        assert await room.users.note_spare_phone(uuid4(), SECOND, told(uuid4(), 1)) == (True, None)


async def test_noting_needs_a_unit_of_work(room: CustomerRoom) -> None:
    """A write outside is a mistake of the programmer's."""
    with pytest.raises(TransactionMisuse):
        await room.users.note_spare_phone(uuid4(), FIRST, told(uuid4(), 1))
    with pytest.raises(TransactionMisuse):
        await room.users.hold_profile(uuid4())
    with pytest.raises(TransactionMisuse):
        await room.users.put_profile(uuid4(), UserProfile())
