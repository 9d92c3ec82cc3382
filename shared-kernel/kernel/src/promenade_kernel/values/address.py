"""Postal addresses."""

from typing import Annotated, Any, ClassVar

import msgspec
from iso3166 import countries_by_alpha2
from msgspec.structs import force_setattr

from promenade_kernel.values.errors import InvalidValue, raise_all
from promenade_kernel.values.text import TextValue, one_line

COUNTRIES = frozenset(countries_by_alpha2)
"""ISO 3166-1 alpha-2 codes, and XK (Kosovo), which the EU and banks use for want of an official one."""

_LIMITS = {"street": 200, "street2": 200, "city": 100, "region": 100, "postal_code": 20}
_OPTIONAL = frozenset({"street2", "region"})


def _schema(**keywords: Any) -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema=keywords)


class Country(TextValue):
    """A country as ISO 3166-1 alpha-2 in upper case, `DE`."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": "^[A-Z]{2}$", "examples": ["DE"]}

    @classmethod
    def _normalise(cls, text: str) -> str:
        if text not in COUNTRIES:
            raise InvalidValue("invalid-country", "A country is an ISO 3166-1 alpha-2 code in upper case.")
        return text


class Address(msgspec.Struct, frozen=True):
    """A postal address; each text is one line, trimmed and in NFC."""

    street: Annotated[str, _schema(minLength=1, maxLength=200)]
    city: Annotated[str, _schema(minLength=1, maxLength=100)]
    postal_code: Annotated[str, _schema(minLength=1, maxLength=20)]
    country: Annotated[str, _schema(pattern="^[A-Z]{2}$")]
    street2: Annotated[str | None, _schema(maxLength=200)] = None
    region: Annotated[str | None, _schema(maxLength=100)] = None

    def __post_init__(self) -> None:
        if _is_plain(self):
            return
        faults: list[InvalidValue] = []
        for name, maximum in _LIMITS.items():
            try:
                force_setattr(self, name, _line(getattr(self, name), name, maximum))
            except InvalidValue as fault:
                faults.append(fault)
        try:
            force_setattr(self, "country", str(Country(self.country)))
        except InvalidValue as fault:
            faults.append(InvalidValue(fault.code, fault.detail, "/country"))
        raise_all(faults)


def _is_plain(address: Address) -> bool:
    """Whether nothing is to be changed or refused, seen at once as most addresses are. A database row holds no other,
    and a list of them would spend most of its time on reading each character again.
    """
    return (
        type(address.country) is str
        and address.country in COUNTRIES
        and _is_plain_line(address.street, _LIMITS["street"])
        and _is_plain_line(address.city, _LIMITS["city"])
        and _is_plain_line(address.postal_code, _LIMITS["postal_code"])
        and (address.street2 is None or _is_plain_line(address.street2, _LIMITS["street2"]))
        and (address.region is None or _is_plain_line(address.region, _LIMITS["region"]))
    )


def _is_plain_line(text: str, maximum: int) -> bool:
    return (
        type(text) is str
        and text.isascii()
        and text.isprintable()
        and 0 < len(text) <= maximum
        and text == text.strip()
    )


def _line(text: object, name: str, maximum: int) -> str | None:
    optional = name in _OPTIONAL
    if optional and text is None:
        return None
    return one_line(text, maximum=maximum, minimum=0 if optional else 1, pointer=f"/{name}") or None
