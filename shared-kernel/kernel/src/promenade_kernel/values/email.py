"""Email addresses."""

import re
import unicodedata
from typing import Any, ClassVar

from email_validator import EmailNotValidError, validate_email

from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue

_LONGEST = 254
_LONGEST_LOCAL = 64
# A word between quotes, alone or among others: `"ada lovelace"`, `ada."b"` (RFC 5321 4.1.2, RFC 5322 4.4).
_QUOTED_WORD = re.compile(r'(?:.*\.)?"(?:[^"\\]|\\.)*"(?:\..*)?', re.DOTALL)


class Email(TextValue):
    """An email address as RFC 5321 and 6531 write it, without display name, comment or quoted local part.

    The local part keeps its case; the domain is lower case and Unicode (`BÜCHER.example` and `xn--bcher-kva.example`
    are the same). At most 64 octets before the `@` and 254 in all. Nothing is looked up in the DNS.
    """

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "format": "email",
        "maxLength": 254,
        "examples": ["ada@example.com"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        if len(text) > _LONGEST:
            raise InvalidValue("invalid-email", "An email address has at most 254 characters.")
        if _QUOTED_WORD.fullmatch(text.rpartition("@")[0]):
            raise InvalidValue("email-quoted-local-part", "Email addresses with a quoted local part are not accepted.")
        try:
            # Names under .test are reserved for tests, and ours send to them.
            checked = validate_email(text, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            raise InvalidValue("invalid-email", "This is not an email address.") from None
        if "." not in checked.domain:
            raise InvalidValue("invalid-email", "The domain of an email address needs a dot.")
        # The library's own form would put "Admin" and its like in lower case.
        local = unicodedata.normalize("NFC", text.rpartition("@")[0])
        if len(local.encode()) > _LONGEST_LOCAL:
            raise InvalidValue("invalid-email", "At most 64 octets stand before the @.")
        return f"{local}@{checked.domain}"

    @property
    def local(self) -> str:
        """What stands before the `@`."""
        return self.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """What stands after the `@`."""
        return self.rpartition("@")[2]

    @property
    def canonical(self) -> str:
        """The key by which two spellings are the same address: its local part case folded, for unique indexes.

        The domain is in its one form already, and folded further it would be another: `straße.de` is not `strasse.de`.
        """
        return f"{unicodedata.normalize('NFC', self.local.casefold())}@{self.domain}"
