"""What a value raises when a text or number cannot be one."""

from collections.abc import Iterable


class InvalidValue(ValueError):
    """An input that a value object refuses.

    Attributes:
        code: stable kebab-case slug for programs, e.g. `invalid-email`.
        detail: one sentence for people; never repeats the whole input.
        pointer: JSON pointer to the faulty part inside the value, `""` for the value itself.

    msgspec wraps it while decoding: look at `ValidationError.__cause__`.
    """

    def __init__(self, code: str, detail: str, pointer: str = "", also: Iterable["InvalidValue"] = ()) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self._also = tuple(also)

    @property
    def faults(self) -> tuple["InvalidValue", ...]:
        """Every fault found in the value, this one first."""
        return (self, *self._also)


class CurrencyMismatch(InvalidValue):
    """Two amounts of different currencies met where one currency is needed."""

    def __init__(self, left: str, right: str, pointer: str = "") -> None:
        super().__init__("currency-mismatch", f"Amounts in {left} and {right} cannot be combined.", pointer)


def raise_all(faults: Iterable[InvalidValue]) -> None:
    """Raise the first fault carrying the others; do nothing when there is none."""
    found = tuple(faults)
    if found:
        first, *others = found
        raise InvalidValue(first.code, first.detail, first.pointer, others)
