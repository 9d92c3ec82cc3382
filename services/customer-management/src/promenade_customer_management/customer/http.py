"""Routes of customers."""

from __future__ import annotations

from uuid import UUID

from litestar import Controller, Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from promenade_chassis.http.access import own, permission
from promenade_chassis.http.lists import Asked, Listing, listed, listing
from promenade_chassis.http.resources import Caller, ExpectedVersion, PathId, command, created, shown

from promenade_customer_management.customer import shapes
from promenade_customer_management.customer.entity import Customer
from promenade_customer_management.customer.repository import CUSTOMERS, CustomerFilter
from promenade_customer_management.customer.shapes import CreatedCustomer, CustomerResource, shape_of, to_resource
from promenade_customer_management.customer.use_cases import by_hand
from promenade_customer_management.customer.use_cases.room import CustomerRoom
from promenade_customer_management.customer.values import Tag

PATH = "/api/v1/customer-management/customers"
READ, CREATE = permission("customers:read"), permission("customers:create")
UPDATE, DELETE = permission("customers:update"), permission("customers:delete")
Room = NamedDependency[CustomerRoom]
Answer = Response[CustomerResource]


class CustomerController(Controller):
    """/customers"""

    path = "/customers"
    tags = ("customers",)

    @post("/", access=CREATE, operation_id="create_customer", summary="Create a customer", status_code=201)
    async def create(self, data: JSONBody[shapes.CreateCustomer], customer_room: Room) -> Response[CreatedCustomer]:
        """Adds a lead by hand. Likely duplicates are named; a second one with the same email is refused."""
        customer = Customer(
            name=data.name,
            email=data.email,
            phone=data.phone,
            tier=data.tier,
            owner_id=data.owner_id,
            tags=sorted(set(data.tags)),
            currency=data.currency,
            timezone=data.timezone,
            billing_address=data.billing_address,
        )
        customer, alike = await by_hand.create_customer(customer, room=customer_room)
        resource = CreatedCustomer(**shape_of(customer), possible_duplicates=list(alike))
        return created(resource, f"{PATH}/{customer.id}")

    @listing("/", CUSTOMERS, access=READ, operation_id="list_customers", summary="List customers")
    async def list(self, asked: Asked[CustomerFilter], customer_room: Room) -> Response[Listing[CustomerResource]]:
        """Customers, newest first."""
        found = await by_hand.list_customers(asked.wanted, asked.page, room=customer_room)
        return listed(asked, found.map(to_resource))

    @get("/{customer_id:uuid}", access=own("customers:read"), operation_id="get_customer", summary="Read a customer")
    async def read(self, customer_id: PathId, principal: Caller, customer_room: Room) -> Answer:
        """The customer with its ETag; without customers:read only one's own."""
        return shown(to_resource(await by_hand.get_customer(customer_id, principal=principal, room=customer_room)))

    @patch("/{customer_id:uuid}", access=UPDATE, operation_id="change_customer", summary="Change a customer")
    async def change(
        self,
        customer_id: PathId,
        data: JSONBody[shapes.ChangeCustomer],
        expected_version: ExpectedVersion,
        customer_room: Room,
    ) -> Answer:
        """Changes the fields named; null clears."""
        return shown(await _change(customer_id, data.named(), expected_version, customer_room))

    @delete("/{customer_id:uuid}", access=DELETE, operation_id="delete_customer", summary="Delete a customer")
    async def remove(self, customer_id: PathId, expected_version: ExpectedVersion, customer_room: Room) -> None:
        """Deletes a customer; what was sold stays."""
        await by_hand.delete_customer(customer_id, expected_version=expected_version, room=customer_room)

    @command("/{customer_id:uuid}/restore", access=DELETE, operation_id="restore_customer", summary="Restore")
    async def restore(self, customer_id: PathId, expected_version: ExpectedVersion, customer_room: Room) -> Answer:
        """Brings a deleted customer back; 409 `email-taken` when the address lives again elsewhere."""
        customer = await by_hand.restore_customer(customer_id, expected_version=expected_version, room=customer_room)
        return shown(to_resource(customer))

    @put("/{customer_id:uuid}/tier", access=UPDATE, operation_id="set_customer_tier", summary="Set the tier")
    async def set_tier(
        self,
        customer_id: PathId,
        data: JSONBody[shapes.SetTier],
        expected_version: ExpectedVersion,
        customer_room: Room,
    ) -> Answer:
        """Sets how much attention the customer gets."""
        return shown(await _change(customer_id, {"tier": data.tier}, expected_version, customer_room))

    @command("/{customer_id:uuid}/assign", access=UPDATE, operation_id="assign_customer", summary="Assign an owner")
    async def assign(
        self,
        customer_id: PathId,
        data: JSONBody[shapes.Assign],
        expected_version: ExpectedVersion,
        customer_room: Room,
    ) -> Answer:
        """Names who looks after the customer."""
        return shown(await _change(customer_id, {"owner_id": data.owner_id}, expected_version, customer_room))

    @put("/{customer_id:uuid}/tags/{tag:str}", access=UPDATE, operation_id="tag_customer", summary="Put a tag on")
    async def tag(
        self, customer_id: PathId, tag: FromPath[Tag], expected_version: ExpectedVersion, customer_room: Room
    ) -> Answer:
        """Twice is once."""
        return shown(await _tag(customer_id, tag, True, expected_version, customer_room))

    @delete(
        "/{customer_id:uuid}/tags/{tag:str}",
        access=UPDATE,
        operation_id="untag_customer",
        summary="Take a tag off",
        status_code=200,
    )
    async def untag(
        self, customer_id: PathId, tag: FromPath[Tag], expected_version: ExpectedVersion, customer_room: Room
    ) -> Answer:
        """Answers with the customer, whether the tag was there or not."""
        return shown(await _tag(customer_id, tag, False, expected_version, customer_room))


async def _change(
    customer_id: UUID, changes: dict[str, object], expected_version: int | None, room: CustomerRoom
) -> CustomerResource:
    customer = await by_hand.change_customer(customer_id, changes, expected_version=expected_version, room=room)
    return to_resource(customer)


async def _tag(
    customer_id: UUID, tag: str, put_on: bool, expected_version: int | None, room: CustomerRoom
) -> CustomerResource:
    customer = await by_hand.tag_customer(customer_id, tag, put=put_on, expected_version=expected_version, room=room)
    return to_resource(customer)
