"""What the port `Customers` promises: one suite, run against the fake and against PostgreSQL."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from customer_rooms import fresh_email
from promenade_chassis.database import TransactionMisuse
from promenade_chassis.ports import NotFound, PageRequest, StaleVersion
from promenade_customer_management.customer.entity import (
    Customer,
    EmailTaken,
    Lifecycle,
    Tier,
    Told,
    UserStatus,
    UserTaken,
)
from promenade_customer_management.customer.repository import CustomerFilter
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_kernel.values.address import Address
from promenade_kernel.values.email import Email
from promenade_kernel.values.money import Currency
from promenade_kernel.values.phone import Phone

NOW = datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC)
ALL = CustomerFilter()


async def add(room: CustomerRoom, **fields: Any) -> Customer:
    customer = Customer(**{"name": f"Ada {uuid4().hex}", **fields})
    async with room.unit_of_work.begin():
        await room.customers.add(customer)
    return customer


async def add_linked(room: CustomerRoom, user_id: UUID, **fields: Any) -> Customer:
    return await add(room, user_id=user_id, user_status=UserStatus.ACTIVE, **fields)


async def save(room: CustomerRoom, customer: Customer) -> None:
    async with room.unit_of_work.begin():
        await room.customers.save(customer)


async def delete(room: CustomerRoom, customer: Customer, at: datetime = NOW) -> None:
    customer.delete(at)
    await save(room, customer)


def told(by: UUID, sequence: int, *, later: int = 0) -> Told:
    return Told(by=by, sequence=sequence, at=NOW + timedelta(seconds=later))


async def ids(room: CustomerRoom, wanted: CustomerFilter = ALL, page: PageRequest | None = None) -> list[UUID]:
    return [customer.id for customer in (await room.customers.list(wanted, page or PageRequest())).items]


async def test_a_customer_is_read_as_it_was_stored(room: CustomerRoom) -> None:
    """Every field survives the store, of the same type, times to the microsecond."""
    full = Customer(
        name="עדה 👩‍👩‍👧",
        email=Email("Ada@example.com"),
        phone=Phone("+436601234567"),
        user_id=uuid4(),
        user_status=UserStatus.SUSPENDED,
        lifecycle=Lifecycle.CHURNED,
        churn_reason="moved\naway",
        tier=Tier.ENTERPRISE,
        source="registration",
        owner_id=uuid4(),
        tags=["a", "b,{}\\"],
        currency=Currency("JPY"),
        timezone="Europe/Vienna",
        locale="de-AT",
        billing_address=Address(street="Ring 1", city="Graz", postal_code="8010", country="AT", region="Stmk"),
        created_at=NOW,
    )
    bare = Customer(name="Eve", lifecycle=Lifecycle.DISQUALIFIED, disqualified_reason="no budget")

    async with room.unit_of_work.begin():
        await room.customers.add(full)
        await room.customers.add(bare)

    for customer in (full, bare):
        read = await room.customers.get(customer.id)
        assert read == customer
        assert read.version == 1
        assert {type(value) for value in vars(read).values()} == {type(value) for value in vars(customer).values()}


async def test_saving_counts_versions_and_facts(room: CustomerRoom) -> None:
    """Each write is one version more, each recorded fact one in the sequence; then no fact is pending."""
    customer = await add(room)
    customer.move("qualify")
    customer.tag("vip")

    await save(room, customer)

    assert (customer.version, customer.last_sequence, customer.recorded()) == (2, 2, ())
    assert await room.customers.get(customer.id) == customer


async def test_what_was_read_changes_nothing_until_it_is_saved(room: CustomerRoom) -> None:
    """Reading hands out a copy, its lists included."""
    customer = await add(room, tags=["a"])

    read = await room.customers.get(customer.id)
    read.tags.append("b")

    assert (await room.customers.get(customer.id)).tags == ["a"]


async def test_a_stale_version_loses(room: CustomerRoom) -> None:
    """Of two that read the same version the second to save is refused, and nothing of its change stays."""
    customer = await add(room)
    first, second = await room.customers.get(customer.id), await room.customers.get(customer.id)
    first.tag("first")
    await save(room, first)

    second.tag("second")
    with pytest.raises(StaleVersion):
        await save(room, second)

    assert (await room.customers.get(customer.id)).tags == ["first"]


async def test_what_is_not_there_is_not_found(room: CustomerRoom) -> None:
    """`get` raises, the searches answer None."""
    with pytest.raises(NotFound):
        await room.customers.get(uuid4())
    with pytest.raises(NotFound):
        await room.customers.get_with_deleted(uuid4())
    assert await room.customers.of_user(uuid4()) is None
    assert await room.customers.ever_of_user(uuid4()) is None
    assert await room.customers.of_email(fresh_email()) is None


async def test_a_deleted_customer_is_only_seen_by_who_asks_for_it(room: CustomerRoom) -> None:
    """Deleted customers are in no answer but those that name them."""
    user_id, email = uuid4(), fresh_email()
    customer = await add_linked(room, user_id, email=email, name="Ada")

    await delete(room, customer)

    with pytest.raises(NotFound):
        await room.customers.get(customer.id)
    assert await room.customers.of_user(user_id) is None
    assert await room.customers.of_email(email) is None
    assert await room.customers.alike(Customer(name="Ada")) == []
    assert await ids(room) == []
    assert await room.customers.get_with_deleted(customer.id) == customer
    assert await room.customers.ever_of_user(user_id) == customer


async def test_the_living_customer_of_a_user_comes_before_the_deleted(room: CustomerRoom) -> None:
    """Of deleted ones the newest deletion counts, of all the living one."""
    user_id = uuid4()
    old, new = await add_linked(room, user_id), None
    await delete(room, old, NOW + timedelta(days=1))
    new = await add_linked(room, user_id)
    await delete(room, new, NOW)
    assert await room.customers.ever_of_user(user_id) == old

    living = await add_linked(room, user_id)

    assert await room.customers.ever_of_user(user_id) == living


@pytest.mark.parametrize(
    ("email", "again"), [("ada@example.com", "ADA@Example.com"), ("ü@example.com", "Ü@example.com")]
)
async def test_an_email_lives_once(room: CustomerRoom, email: str, again: str) -> None:
    """Refused for a new and for a changed customer, however it is spelled; found by any spelling; freed by deletion."""
    first, other = await add(room, email=Email(email)), await add(room)
    assert await room.customers.of_email(Email(again)) == first

    with pytest.raises(EmailTaken):
        await add(room, email=Email(again))
    other.change(email=Email(again))
    with pytest.raises(EmailTaken):
        await save(room, other)
    await delete(room, first)
    await save(room, other)

    first.restore()
    with pytest.raises(EmailTaken):
        await save(room, first)


async def test_a_user_has_one_living_customer(room: CustomerRoom) -> None:
    """A second one is refused, as is a restored one; any number have no user and no email."""
    user_id = uuid4()
    first = await add_linked(room, user_id)
    for _ in range(2):
        await add(room)

    with pytest.raises(UserTaken):
        await add_linked(room, user_id)
    await delete(room, first)
    second = await add_linked(room, user_id)
    first.restore()
    with pytest.raises(UserTaken):
        await save(room, first)

    assert await room.customers.of_user(user_id) == second


async def test_a_users_status_follows_its_sequence(room: CustomerRoom) -> None:
    """Whatever comes in whichever order: the newest is answered; what is rolled back was never told."""
    user_id, users = uuid4(), room.users
    with suppress(LookupError):
        async with room.unit_of_work.begin():
            await users.note_status(user_id, UserStatus.DELETED, told(user_id, 9))
            raise LookupError
    async with room.unit_of_work.begin():
        known = [
            await users.note_status(user_id, UserStatus.SUSPENDED, told(user_id, 3)),
            await users.note_status(user_id, UserStatus.ACTIVE, told(user_id, 2)),
            await users.note_status(user_id, UserStatus.DELETED, told(user_id, 3)),
            await users.note_status(uuid4(), UserStatus.PENDING, told(user_id, 1)),
            await users.note_status(user_id, UserStatus.ACTIVE, told(user_id, 4)),
        ]

    assert known == ["suspended", "suspended", "suspended", "pending", "active"]


async def test_the_newest_proof_counts(room: CustomerRoom) -> None:
    """Of one contact by its sequence, among several by the time, emails and phones of each user apart."""
    user_id, email, phone = uuid4(), fresh_email(), Phone("+436601234567")
    first, second = uuid4(), uuid4()
    told_in_turn = [
        (email, told(first, 2), True),
        (email, told(first, 1, later=5), False),
        (email, told(second, 9), False),
        (email, told(second, 1, later=1), True),
        (email, told(second, 1, later=2), False),
        (email, told(first, 9), False),
        (email, told(first, 1, later=2), True),
        (phone, told(first, 1), True),
    ]

    async with room.unit_of_work.begin():
        taken = [await room.users.note_proof(user_id, value, source) for value, source, _ in told_in_turn]
        others = await room.users.note_proof(uuid4(), email, told(first, 1))

    assert taken == [is_newest for _, _, is_newest in told_in_turn]
    assert others


async def test_a_rolled_back_unit_of_work_leaves_nothing(room: CustomerRoom) -> None:
    """All or nothing; an inner unit of work may fail without taking the outer one along."""
    kept = Customer(name="kept")

    with suppress(LookupError):
        async with room.unit_of_work.begin():
            await room.customers.add(Customer(name="lost"))
            raise LookupError
    async with room.unit_of_work.begin():
        await room.customers.add(kept)
        with suppress(LookupError):
            async with room.unit_of_work.begin():
                await room.customers.add(Customer(name="lost too"))
                raise LookupError

    assert await ids(room) == [kept.id]


async def test_writes_need_a_unit_of_work(room: CustomerRoom) -> None:
    """A write outside is a mistake of the programmer's, not of the caller's."""
    with pytest.raises(TransactionMisuse):
        await room.customers.add(Customer(name="Ada"))
    with pytest.raises(TransactionMisuse):
        await room.users.note_status(uuid4(), UserStatus.ACTIVE, told(uuid4(), 1))
    with pytest.raises(TransactionMisuse):
        await room.users.note_proof(uuid4(), fresh_email(), told(uuid4(), 1))
