"""In-memory stand-ins of Billing's ports; the contract suites run against them and the real ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from promenade_billing.customer.entity import DELETED, Customer
from promenade_billing.invoice.entity import Invoice, InvoiceExists
from promenade_billing.invoice.repository import INVOICES, InvoiceFilter
from promenade_billing.payment.entity import ActionNeeded, Answer, Captured, Charge, Declined, Payment, ProviderSilent
from promenade_billing.payment.repository import PAYMENTS, PaymentFilter
from promenade_billing.payment.simulated import METHODS, KeyReused
from promenade_chassis.ports import NotFound, Page, PageRequest
from promenade_chassis.testing.fakes import InMemoryRepository, InMemoryUnitOfWork
from promenade_kernel.values.ids import new_id


class SetClock:
    """Business time that tests set."""

    def __init__(self, moment: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def advance(self, **by: int) -> None:
        self.moment += timedelta(**by)


class InMemoryCustomers:
    """Copies in a dict."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._customers: dict[UUID, Customer] = {}
        unit_of_work.join(self)

    def snapshot(self) -> dict[UUID, Customer]:
        return dict(self._customers)

    def roll_back(self, snapshot: dict[UUID, Customer]) -> None:
        self._customers = snapshot

    async def put(self, customer: Customer) -> None:
        self._unit_of_work.require()
        known = self._customers.get(customer.id)
        if known is None or known.sequence < customer.sequence:
            self._customers[customer.id] = customer

    async def mark_deleted(self, customer_id: UUID, user_id: UUID | None, sequence: int) -> None:
        self._unit_of_work.require()
        known = self._customers.get(customer_id)
        if known is None:
            known = Customer(id=customer_id, sequence=0, status=DELETED, name=None, user_id=user_id)
        if known.sequence < sequence:
            self._customers[customer_id] = replace(known, sequence=sequence, status=DELETED)

    async def find(self, customer_id: UUID) -> Customer | None:
        return self._customers.get(customer_id)

    async def of_user(self, user_id: UUID) -> Customer | None:
        return self.known_of_user(user_id)

    def known(self, customer_id: UUID | None) -> Customer | None:
        return self._customers.get(customer_id) if customer_id else None

    def known_of_user(self, user_id: UUID | None) -> Customer | None:
        living = [c for c in self._customers.values() if c.user_id == user_id and not c.is_deleted]
        return min(living, key=lambda customer: customer.id, default=None) if user_id else None


class InMemoryInvoices(InMemoryRepository[Invoice]):
    """Invoices in a dict."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork, customers: InMemoryCustomers) -> None:
        super().__init__(unit_of_work)
        self._customers = customers

    async def add(self, invoice: Invoice) -> None:
        if invoice.order_id is not None and self._find(lambda other: other.order_id == invoice.order_id):
            raise InvoiceExists
        self._put(invoice)

    async def save(self, invoice: Invoice) -> None:
        self._put(invoice)

    async def get(self, invoice_id: UUID) -> Invoice:
        found = self._find(lambda invoice: invoice.id == invoice_id)
        if found is None:
            raise NotFound("There is no such invoice")
        return self._completed(found)

    async def lock(self, invoice_id: UUID) -> Invoice:
        self._unit_of_work.require()
        return await self.get(invoice_id)

    async def find_of_order(self, order_id: UUID) -> Invoice | None:
        found = self._find(lambda invoice: invoice.order_id == order_id)
        return self._completed(found) if found else None

    async def list(self, wanted: InvoiceFilter, page: PageRequest) -> Page[Invoice]:
        found = self._page(INVOICES, lambda invoice: self._matches(self._completed(self._copy(invoice)), wanted), page)
        return found.map(self._completed)

    def _matches(self, invoice: Invoice, wanted: InvoiceFilter) -> bool:
        exact = ("user_id", "status", "customer_id", "order_id", "overdue", "number")
        issued = invoice.issued_at
        return (
            all(getattr(wanted, name) in (None, getattr(invoice, name)) for name in exact)
            and (wanted.issued_from is None or (issued is not None and issued >= wanted.issued_from))
            and (wanted.issued_to is None or (issued is not None and issued < wanted.issued_to))
        )

    def _completed(self, invoice: Invoice) -> Invoice:
        given = invoice.customer_id, invoice.user_id
        of_user, by_id = self._customers.known_of_user(given[1]), self._customers.known(given[0])
        invoice.customer_id = given[0] or (of_user.id if of_user else None)
        invoice.user_id = given[1] or (by_id.user_id if by_id else None)
        return invoice


class InMemoryNumberSeries:
    """Counters in a dict."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._last: Counter[tuple[str, int]] = Counter()
        unit_of_work.join(self)

    def snapshot(self) -> Counter[tuple[str, int]]:
        return Counter(self._last)

    def roll_back(self, snapshot: Counter[tuple[str, int]]) -> None:
        self._last = snapshot

    async def take(self, series: str, year: int) -> str:
        self._unit_of_work.require()
        self._last[series, year] += 1
        return f"{series}-{year}-{self._last[series, year]:06d}"


class InMemoryPayments(InMemoryRepository[Payment]):
    """Payments in a dict, and who has leased them."""

    def __init__(self, unit_of_work: InMemoryUnitOfWork, invoices: InMemoryInvoices) -> None:
        super().__init__(unit_of_work)
        self._invoices = invoices
        self._leased_until: dict[UUID, datetime] = {}
        self._numbers = 0

    async def next_number(self, year: int) -> str:
        self._unit_of_work.require()
        self._numbers += 1
        return f"PAY-{year}-{self._numbers:06d}"

    async def add(self, payment: Payment) -> None:
        self._put(payment)

    async def save(self, payment: Payment, *, end_lease: bool = False) -> None:
        self._put(payment)
        if end_lease:
            self._leased_until.pop(payment.id, None)

    async def get(self, payment_id: UUID) -> Payment:
        found = self._find(lambda payment: payment.id == payment_id)
        if found is None:
            raise NotFound("There is no such payment")
        return found

    async def list(self, wanted: PaymentFilter, page: PageRequest) -> Page[Payment]:
        owners = {payment.id: (await self._invoices.get(payment.invoice_id)).user_id for payment in self._living()}
        return self._page(
            PAYMENTS,
            lambda payment: (
                wanted.user_id in (None, owners[payment.id])
                and wanted.invoice_id in (None, payment.invoice_id)
                and wanted.status in (None, payment.status)
            ),
            page,
        )

    async def lease(self, now: datetime, *, since: datetime, until: datetime, limit: int) -> Sequence[Payment]:
        self._unit_of_work.require()
        free = [
            payment
            for payment in self._living()
            if payment.due_at is not None
            and payment.due_at <= now
            and self._leased_until.get(payment.id, since) <= since
        ]
        taken = [self._copy(payment) for payment in sorted(free, key=lambda payment: payment.due_at or now)[:limit]]
        self._leased_until |= dict.fromkeys((payment.id for payment in taken), until)
        return taken

    async def end_lease(self, payment_id: UUID, until: datetime) -> None:
        self._unit_of_work.require()
        if self._leased_until.get(payment_id) == until:
            del self._leased_until[payment_id]


class InMemoryProvider:
    """Keeps its books in dicts, which no unit of work rolls back."""

    name = "in-memory"

    def __init__(self) -> None:
        self.charges: dict[str, Charge] = {}
        self.outcomes: dict[str, str] = {}
        self.refs: dict[str, str] = {}
        self.asked: Counter[str] = Counter()

    def takes(self, method: str) -> bool:
        return method in METHODS

    async def charge(self, charge: Charge) -> Answer:
        self.asked[charge.key] += 1
        script = METHODS[charge.method]
        if self.charges.setdefault(charge.key, charge) != charge:
            raise KeyReused(charge.key)
        self.outcomes.setdefault(charge.key, script.outcome)
        if script.silent_at_first and self.asked[charge.key] == 1:
            raise ProviderSilent
        return self._answer(charge.key)

    async def confirm(self, charge: Charge) -> Answer:
        self.asked[charge.key] += 1
        if self.outcomes.get(charge.key) not in ("action-needed", "captured"):
            raise KeyReused(charge.key)
        self.outcomes[charge.key] = "captured"
        return self._answer(charge.key)

    async def find(self, charge: Charge) -> Answer | None:
        return self._answer(charge.key) if charge.key in self.charges else None

    def _answer(self, key: str) -> Answer:
        script, ref = METHODS[self.charges[key].method], self.refs.setdefault(key, f"mem_{new_id().hex}")
        match self.outcomes[key]:
            case "captured":
                return Captured(ref)
            case "declined":
                return Declined(ref, script.code, script.retryable)
            case "action-needed":
                return ActionNeeded(ref)
            case _:
                raise ProviderSilent
