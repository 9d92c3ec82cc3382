"""Text that is validated once and then carried as an ordinary `str`."""

import unicodedata
from typing import Any, ClassVar, Self

from promenade_kernel.values.errors import InvalidValue

# Control characters, lone surrogates, line and paragraph separators.
_NOT_IN_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


class TextValue(str):
    """Base of values whose JSON form is a string.

    `Sub(text)` validates and normalises; `Sub.trusted(text)` takes a text that was validated before (a database row).
    """

    __slots__ = ()

    json_schema: ClassVar[dict[str, Any]] = {"type": "string"}

    def __new__(cls, text: str) -> Self:
        if type(text) is cls:
            return text
        return str.__new__(cls, cls._normalise(storable(text)))

    @classmethod
    def trusted(cls, text: str) -> Self:
        """Wrap a text that is known to be valid, without looking at it."""
        return str.__new__(cls, text)

    def __deepcopy__(self, memo: object) -> Self:
        """Itself, as of any `str`: it never changes, and need not be validated again."""
        return self

    @classmethod
    def _normalise(cls, text: str) -> str:
        """Give the text in its one normal form, or raise `InvalidValue`."""
        return text


def storable(text: object) -> str:
    """Give the text back if every database and log can hold it: no NUL, no lone surrogate."""
    if not isinstance(text, str):
        raise InvalidValue("not-a-text", "This must be a text.")
    if text.isprintable():  # has neither, and is seen at once
        return text
    if "\x00" in text:
        raise InvalidValue("nul-character", "A text must not contain NUL characters.")
    if not text.isascii() and any(unicodedata.category(char) == "Cs" for char in text):
        raise InvalidValue("invalid-unicode", "A text must not contain lone surrogates.")
    return text


def one_line(text: object, *, maximum: int, minimum: int = 1, pointer: str = "") -> str:
    """Give the text as one line in NFC: trimmed, no control characters, `minimum` to `maximum` characters long."""
    try:
        line = unicodedata.normalize("NFC", storable(text)).strip()
    except InvalidValue as fault:
        raise InvalidValue(fault.code, fault.detail, pointer) from None
    if not line.isprintable() and any(unicodedata.category(char) in _NOT_IN_A_LINE for char in line):
        raise InvalidValue("control-character", "This must be one line without control characters.", pointer)
    if len(line) < minimum:
        raise InvalidValue("too-short", f"This needs at least {minimum} character(s).", pointer)
    if len(line) > maximum:
        raise InvalidValue("too-long", f"This takes at most {maximum} characters.", pointer)
    return line
