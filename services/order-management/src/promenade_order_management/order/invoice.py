"""What an order knows of its invoice: billing's amounts, never computed here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from promenade_kernel.values.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceCopy:
    """The invoice after the change that billing numbered `sequence`."""

    id: UUID
    sequence: int
    paid: Money
    refunded: Money
    due: Money
    number: str | None = None

    def updated_by(self, told: InvoiceCopy) -> InvoiceCopy:
        """The newer of both; a number that was told once stays."""
        newest = told if told.sequence > self.sequence else self
        return replace(newest, number=newest.number or told.number or self.number)
