"""Phone numbers."""

import re
from typing import Any, ClassVar

import phonenumbers

from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue

# No letters: "+1 800 FLOWERS" and extensions are texts about numbers, not numbers.
_WRITTEN = re.compile(r"\+[0-9 ().\-/]{3,40}")
_LONGEST = len("+") + 15


class Phone(TextValue):
    """A phone number in E.164 form, `+4915112345678`.

    Input starts with `+` and a country code; spaces, dots, dashes, slashes and parentheses are dropped. The country
    code must exist and the length fit its plan, 15 digits at most; whether the range is assigned is not asked: plans
    change weekly.
    """

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "pattern": r"^\+[1-9][0-9]{1,14}$",
        "examples": ["+4915112345678"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        if not _WRITTEN.fullmatch(text):
            raise InvalidValue("invalid-phone", "A phone number starts with + and the country code.")
        try:
            number = phonenumbers.parse(text, None)
        except phonenumbers.NumberParseException:
            raise InvalidValue("invalid-phone", "This is not a phone number.") from None
        if not phonenumbers.is_possible_number(number):
            raise InvalidValue("invalid-phone", "No number of this country has this length.")
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        # Some plans have longer numbers, which nobody can call from abroad.
        if len(written) > _LONGEST:
            raise InvalidValue("invalid-phone", "A phone number has at most 15 digits.")
        return written
