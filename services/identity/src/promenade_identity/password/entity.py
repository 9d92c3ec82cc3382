"""Which passwords are good enough (NIST SP 800-63B: length and a list of common ones, no composition rules)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from importlib import resources
from typing import Any, ClassVar

from promenade_chassis.ports import Fault, Invalid, ServiceUnavailable
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.text import TextValue

MINIMUM = 15
MAXIMUM = 128
# As long as the longest password, and then some: who types more has not chosen it here.
LONGEST_GIVEN = 1024

_ORNAMENTS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_SHORTEST_TELLING_PART = 4
_LEAST_OF_ITS_OWN = 8


class PasswordsBusy(ServiceUnavailable):
    """So many passwords wait to be hashed that one more would wait for too long."""

    slug = "passwords-busy"
    title = "Too many are signing in or registering at this moment; try again"
    advice = "Repeat after as many seconds as Retry-After says; what needs no password is not affected."


class GivenPassword(TextValue):
    """A password as somebody typed it, in NFC: the same on every keyboard. Never trimmed."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "password", "maxLength": LONGEST_GIVEN}

    @classmethod
    def _normalise(cls, text: str) -> str:
        if len(text) > LONGEST_GIVEN:
            raise InvalidValue("password-too-long", "This is longer than any password.")
        return unicodedata.normalize("NFC", text)


class NewPassword(GivenPassword):
    """A password to be: 15 to 128 characters of any kind, spaces included."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {
        "type": "string",
        "format": "password",
        "minLength": MINIMUM,
        "maxLength": MAXIMUM,
        "examples": ["a sentence only you would think of"],
    }

    @classmethod
    def _normalise(cls, text: str) -> str:
        normal = super()._normalise(text)
        if len(normal) < MINIMUM:
            raise InvalidValue("password-too-short", f"A password needs at least {MINIMUM} characters")
        if len(normal) > MAXIMUM:
            raise InvalidValue("password-too-long", f"A password has at most {MAXIMUM} characters")
        return normal


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What is asked of a new password beyond its type: `minimum` may be raised by configuration.

    `common` are whole passwords; `stems` are short ones, which must be neither repeated nor adorned to be long enough.
    """

    common: frozenset[str]
    minimum: int = MINIMUM
    stems: frozenset[str] = frozenset()

    def check(self, password: str, *, email: Email, name: str | None = None, pointer: str = "/password") -> None:
        """Raise `Invalid` with everything that is wrong with it."""
        faults: list[Fault] = []
        if len(password) < self.minimum:
            faults.append(Fault(pointer, f"A password needs at least {self.minimum} characters", "password-too-short"))
        if self._is_common(password):
            faults.append(Fault(pointer, "This password is one of those that are tried first", "password-too-common"))
        if _is_like(password, _telling_parts(email, name)):
            faults.append(Fault(pointer, "The password is too like the email address or the name", "password-too-like"))
        if faults:
            raise Invalid(faults)

    def _is_common(self, password: str) -> bool:
        folded = password.casefold()
        bare = _ORNAMENTS.sub("", folded)
        units = {_repeated_unit(_BETWEEN_WORDS.sub("", text)) for text in (folded, bare)}
        return not self.common.isdisjoint((folded, bare)) or not self.stems.isdisjoint((bare, *units))


def bundled_common_passwords() -> frozenset[str]:
    """The list that ships with the service: passwords long enough to be taken otherwise, case folded."""
    return _lines("common_passwords.txt")


def bundled_common_stems() -> frozenset[str]:
    """The passwords people choose most, of any length, case folded; where they come from is told in `lists.md`."""
    return _lines("common_stems.txt")


def _lines(name: str) -> frozenset[str]:
    text = resources.files("promenade_identity.password").joinpath(name).read_text(encoding="utf-8")
    return frozenset(text.split("\n")) - {""}


def _repeated_unit(text: str) -> str:
    """The shortest text that makes up the whole when repeated; often the whole itself."""
    return text[: (text + text).find(text, 1)] if text else ""


def _telling_parts(email: Email, name: str | None) -> list[str]:
    """What others know of the user, longest first."""
    label = email.domain.rpartition(".")[0]
    texts = [email, email.local, email.domain, label, name or ""]
    words = [word for text in texts for word in [text, *_BETWEEN_WORDS.split(text)]]
    told = {word.casefold() for word in words if len(word) >= _SHORTEST_TELLING_PART}
    return sorted(told, key=lambda word: (-len(word), word))


def _is_like(password: str, parts: list[str]) -> bool:
    """Whether little is left of the password when what others know is taken out."""
    rest = folded = password.casefold()
    for part in parts:
        rest = rest.replace(part, "")
    return rest != folded and len(_BETWEEN_WORDS.sub("", rest)) < _LEAST_OF_ITS_OWN
