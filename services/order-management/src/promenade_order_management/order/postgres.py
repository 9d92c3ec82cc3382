"""Orders in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, Protocol
from uuid import UUID

from promenade_chassis.database import Database
from promenade_chassis.lists import ListStatement
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.repository import BaseRepository, Row
from psycopg.types.json import Jsonb

from promenade_order_management.order.entity import Order
from promenade_order_management.order.repository import ORDERS, OrderFilter
from promenade_order_management.order.rows import line_to_plain, order_columns, to_order
from promenade_order_management.timeline.entity import Note

# The user behind the customer comes along: to him the order belongs, too.
_SELECT = """
SELECT orders.*, customer.user_id AS customer_user_id
FROM orders LEFT JOIN customer ON customer.id = orders.customer_id
WHERE orders.deleted_at IS NULL
"""
_GET = _SELECT + " AND orders.id = %(id)s"
# The order as it is when nobody else has it any more, the lines as they were when the statement began.
_TAKE = """
SELECT orders.*, customer.user_id AS customer_user_id,
    ARRAY(SELECT to_jsonb(order_line) FROM order_line WHERE order_id = orders.id ORDER BY position) AS lines,
    (SELECT version FROM orders AS seen WHERE seen.id = orders.id) AS version_of_lines
FROM orders LEFT JOIN customer ON customer.id = orders.customer_id
WHERE orders.deleted_at IS NULL AND orders.id = %(id)s FOR UPDATE OF orders
"""
_USER_OF = "SELECT user_id FROM orders WHERE id = %(id)s"
_LINES = "SELECT * FROM order_line WHERE order_id = ANY(%(ids)s) ORDER BY order_id, position"
LIST = ListStatement(
    ORDERS,
    select=_SELECT,
    row_id="orders.id",
    where={
        "reached_by": """orders.status <> 'discarded' AND orders.id IN (
            SELECT id FROM orders WHERE user_id = %(reached_by)s
            UNION SELECT his.id FROM orders AS his JOIN customer AS buyer ON buyer.id = his.customer_id
            WHERE buyer.user_id = %(reached_by)s)""",
        "status": "orders.status = %(status)s",
        "payment_status": "orders.payment_status = %(payment_status)s",
        "fulfillment_status": "orders.fulfillment_status = %(fulfillment_status)s",
        "customer_id": "orders.customer_id = %(customer_id)s",
        "number": "orders.number = %(number)s",
        "placed_from": "orders.placed_at >= %(placed_from)s",
        "placed_to": "orders.placed_at < %(placed_to)s",
    },
    sorts={"created_at": "orders.created_at", "placed_at": "orders.placed_at"},
)
_WAITING = "SELECT id FROM orders WHERE user_id = %(user_id)s AND customer_id IS NULL ORDER BY id"
_INSERT = """
INSERT INTO orders (
    id, number, status, user_id, customer_id, customer_name, customer_email, deal_id, currency, tax_inclusive,
    price_source, discount, shipping, subtotal, discount_total, lines_net, lines_tax, shipping_net, shipping_tax,
    tax, total, taxes, shipping_address, billing_address, note, hold_reason, invoice_id, invoice_number,
    invoice_sequence, amount_paid, amount_refunded, amount_due, payment_status, fulfillment_status, placed_at,
    payment_deadline, confirmed_at, completed_at, version, last_sequence, created_at, updated_at)
VALUES (
    %(id)s, %(number)s, %(status)s, %(user_id)s, %(customer_id)s, %(customer_name)s, %(customer_email)s,
    %(deal_id)s, %(currency)s, %(tax_inclusive)s, %(price_source)s, %(discount)s, %(shipping)s, %(subtotal)s,
    %(discount_total)s, %(lines_net)s, %(lines_tax)s, %(shipping_net)s, %(shipping_tax)s, %(tax)s, %(total)s,
    %(taxes)s, %(shipping_address)s, %(billing_address)s, %(note)s, %(hold_reason)s, %(invoice_id)s,
    %(invoice_number)s, %(invoice_sequence)s, %(amount_paid)s, %(amount_refunded)s, %(amount_due)s,
    %(payment_status)s, %(fulfillment_status)s, %(placed_at)s, %(payment_deadline)s, %(confirmed_at)s,
    %(completed_at)s, %(version)s, %(last_sequence)s, %(created_at)s, %(updated_at)s)
"""
_UPDATE = """
UPDATE orders
SET number = %(number)s, status = %(status)s, customer_id = %(customer_id)s, customer_name = %(customer_name)s,
    customer_email = %(customer_email)s, discount = %(discount)s, shipping = %(shipping)s, subtotal = %(subtotal)s,
    discount_total = %(discount_total)s, lines_net = %(lines_net)s, lines_tax = %(lines_tax)s,
    shipping_net = %(shipping_net)s, shipping_tax = %(shipping_tax)s, tax = %(tax)s, total = %(total)s,
    taxes = %(taxes)s, shipping_address = %(shipping_address)s, billing_address = %(billing_address)s,
    note = %(note)s, hold_reason = %(hold_reason)s, invoice_id = %(invoice_id)s,
    invoice_number = %(invoice_number)s, invoice_sequence = %(invoice_sequence)s, amount_paid = %(amount_paid)s,
    amount_refunded = %(amount_refunded)s, amount_due = %(amount_due)s, payment_status = %(payment_status)s,
    fulfillment_status = %(fulfillment_status)s, placed_at = %(placed_at)s,
    payment_deadline = %(payment_deadline)s, confirmed_at = %(confirmed_at)s, completed_at = %(completed_at)s,
    version = %(version)s, last_sequence = %(last_sequence)s, updated_at = %(updated_at)s
WHERE id = %(id)s AND version = %(expected_version)s
"""
_REMOVE_LINES = "DELETE FROM order_line WHERE order_id = %(order_id)s AND NOT id = ANY(%(kept)s)"
_PUT_LINES = """
INSERT INTO order_line (
    order_id, id, position, sku, name, quantity, unit_price, tax_rate, discount, gross, discount_total,
    order_discount, net, tax, total, open, allocated, shipped, delivered, returned, cancelled)
SELECT %(order_id)s, line.* FROM jsonb_to_recordset(%(lines)s) AS line (
    id uuid, position int, sku text, name text, quantity int, unit_price bigint, tax_rate text, discount jsonb,
    gross bigint, discount_total bigint, order_discount bigint, net bigint, tax bigint, total bigint,
    open int, allocated int, shipped int, delivered int, returned int, cancelled int)
ON CONFLICT (id) DO UPDATE SET
    position = excluded.position, sku = excluded.sku, name = excluded.name, quantity = excluded.quantity,
    unit_price = excluded.unit_price, tax_rate = excluded.tax_rate, discount = excluded.discount,
    gross = excluded.gross, discount_total = excluded.discount_total, order_discount = excluded.order_discount,
    net = excluded.net, tax = excluded.tax, total = excluded.total, open = excluded.open,
    allocated = excluded.allocated, shipped = excluded.shipped, delivered = excluded.delivered,
    returned = excluded.returned, cancelled = excluded.cancelled
"""
_NEXT_SERIAL = "SELECT nextval('order_serial') AS serial"


class Notebook(Protocol):
    """Where notes go: into the statement that stores their order."""

    def with_notes(self, statement: LiteralString) -> LiteralString:
        """The statement that stores the order `%(id)s`, which then appends notes, too."""
        ...

    def parameters(self, notes: Sequence[Note]) -> Row:
        """What appending takes besides the order's id."""
        ...


class PostgresOrders(BaseRepository):
    """The orders of the service's own database."""

    def __init__(self, database: Database, timeline: Notebook) -> None:
        super().__init__(database)
        self._timeline = timeline
        self._insert_order: LiteralString = timeline.with_notes(_INSERT)
        self._update_order: LiteralString = timeline.with_notes(_UPDATE)

    async def add(self, order: Order) -> None:
        """Store a new order."""
        await self._insert(order, self._insert_order, **self._columns(order))
        await self._write_lines(order)

    async def save(self, order: Order) -> None:
        """Store a change; raises `StaleVersion`."""
        await self._update(order, self._update_order, **self._columns(order))
        await self._write_lines(order)

    async def get(self, order_id: UUID) -> Order:
        """An order to look at; raises `NotFound`."""
        return await self._found(await self._fetch_one(_GET, id=order_id))

    async def take(self, order_id: UUID) -> Order:
        """An order to change: others wait for it until the unit of work ends. Raises `NotFound`."""
        row = await self._write_one(_TAKE, id=order_id)
        if row is None or row["version"] != row["version_of_lines"]:
            # Whoever waited for the order must see the lines that the other one left.
            return await self._found(row)
        return to_order(row, row["lines"])

    async def user_of(self, order_id: UUID) -> UUID | None:
        """The user an order was begun for, without taking it; None also for an unknown order."""
        row = await self._fetch_one(_USER_OF, id=order_id)
        return row["user_id"] if row else None

    async def list(self, wanted: OrderFilter, page: PageRequest) -> Page[Order]:
        """A page of the orders, as `ORDERS` declares the list."""
        rows = await self._fetch_listed(LIST, wanted, page)
        return ORDERS.cut(await self._with_lines(rows), page)

    async def waiting_for_customer(self, user_id: UUID) -> list[UUID]:
        """The orders of a user that do not know their customer yet."""
        return [row["id"] for row in await self._fetch_all(_WAITING, user_id=user_id)]

    async def next_serial(self) -> int:
        """The next number an order can get: greater than all before, never given twice."""
        # A sequence, no counter row: that would let one order be placed at a time. The price are gaps after a rollback.
        row = await self._write_one(_NEXT_SERIAL)
        if row is None:
            raise LookupError("a sequence always has a next value")
        return int(row["serial"])

    async def _found(self, row: Row | None) -> Order:
        if row is None:
            raise NotFound("There is no such order")
        return (await self._with_lines([row]))[0]

    async def _with_lines(self, rows: list[Row]) -> list[Order]:
        lines: dict[UUID, list[Row]] = {row["id"]: [] for row in rows}
        for line in await self._fetch_all(_LINES, ids=list(lines)) if rows else []:
            lines[line["order_id"]].append(line)
        return [to_order(row, lines[row["id"]]) for row in rows]

    def _columns(self, order: Order) -> Row:
        return {**order_columns(order), **self._timeline.parameters(order.take_notes())}

    async def _write_lines(self, order: Order) -> None:
        if order.lines == order.stored_lines:
            return
        kept = [line.id for line in order.lines]
        if any(line.id not in kept for line in order.stored_lines):
            await self._execute(_REMOVE_LINES, order_id=order.id, kept=kept)
        if kept:
            plain = [line_to_plain(line, position) for position, line in enumerate(order.lines)]
            await self._execute(_PUT_LINES, order_id=order.id, lines=Jsonb(plain))
        order.stored_lines = order.lines
