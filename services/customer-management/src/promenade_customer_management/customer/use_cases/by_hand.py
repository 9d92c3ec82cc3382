"""What people do with customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from promenade_chassis.ports import Page, PageRequest, Principal, utc_now

from promenade_customer_management.customer.entity import Customer, CustomerNotReady
from promenade_customer_management.customer.repository import CustomerFilter
from promenade_customer_management.customer.use_cases.room import READ, CustomerRoom, note, note_lifecycle


async def create_customer(customer: Customer, *, room: CustomerRoom) -> tuple[Customer, Sequence[UUID]]:
    """Add a customer; answers it with its likely duplicates. Raises `EmailTaken`."""
    alike = await room.customers.alike(customer)
    async with room.unit_of_work.at_once():
        customer.create()
        await room.customers.add(customer)
        await note(room, customer, "customer.created", "Created by hand")
    return customer, alike


async def list_customers(wanted: CustomerFilter, page: PageRequest, *, room: CustomerRoom) -> Page[Customer]:
    """Customers, newest first."""
    return await room.customers.list(wanted, page)


async def get_customer(customer_id: UUID, *, principal: Principal, room: CustomerRoom) -> Customer:
    """A customer one may see: one's own, or with customers:read any. Raises `NotFound` for others."""
    customer = await room.customers.get(customer_id)
    principal.require_reach(customer.user_id, READ, "customer")
    return customer


async def get_own_customer(*, principal: Principal, room: CustomerRoom) -> Customer:
    """The caller's own customer; raises `CustomerNotReady` until the event that makes it has arrived."""
    customer = await room.customers.of_user(principal.id)
    if customer is None:
        raise CustomerNotReady
    return customer


async def change_customer(
    customer_id: UUID, changes: dict[str, Any], *, expected_version: int | None, room: CustomerRoom
) -> Customer:
    """Set fields to new values; raises `EmailTaken`."""
    async with room.unit_of_work.begin():
        customer = await _load(customer_id, expected_version, room)
        customer.change(**changes)
        await room.customers.save(customer)
    return customer


async def tag_customer(
    customer_id: UUID, tag: str, *, put: bool, expected_version: int | None, room: CustomerRoom
) -> Customer:
    """Put a tag on or take it off."""
    async with room.unit_of_work.begin():
        customer = await _load(customer_id, expected_version, room)
        if put:
            customer.tag(tag)
        else:
            customer.untag(tag)
        await room.customers.save(customer)
    return customer


async def move_customer(
    customer_id: UUID,
    command: str,
    reason: str | None = None,
    *,
    expected_version: int | None,
    room: CustomerRoom,
) -> Customer:
    """Give a command of the lifecycle table; raises `InvalidTransition`."""
    async with room.unit_of_work.begin():
        customer = await _load(customer_id, expected_version, room)
        customer.move(command, reason)
        await room.customers.save(customer)
        await note_lifecycle(room, customer, reason or f"{command} by hand")
    return customer


async def delete_customer(customer_id: UUID, *, expected_version: int | None, room: CustomerRoom) -> None:
    """Soft-delete a customer."""
    async with room.unit_of_work.begin():
        customer = await _load(customer_id, expected_version, room)
        customer.delete(utc_now())
        await room.customers.save(customer)
        await note(room, customer, "customer.deleted", "Deleted")


async def restore_customer(customer_id: UUID, *, expected_version: int | None, room: CustomerRoom) -> Customer:
    """Bring a deleted customer back, a living one stays; raises `EmailTaken` when the address lives elsewhere."""
    async with room.unit_of_work.begin():
        customer = await room.customers.get_with_deleted(customer_id)
        customer.expect_version(expected_version)
        if not customer.is_deleted:
            return customer
        customer.restore()
        await room.customers.save(customer)
        await note(room, customer, "customer.restored", "Restored")
    return customer


async def _load(customer_id: UUID, expected_version: int | None, room: CustomerRoom) -> Customer:
    customer = await room.customers.get(customer_id)
    customer.expect_version(expected_version)
    return customer
