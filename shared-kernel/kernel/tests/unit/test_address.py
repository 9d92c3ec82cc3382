"""Postal addresses."""

import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis.strategies import characters, sampled_from, text
from promenade_kernel.values import codec
from promenade_kernel.values.address import COUNTRIES, Address, Country
from promenade_kernel.values.errors import InvalidValue


def _address(**changes: Any) -> Address:
    plain = {"street": "Unter den Linden 1", "city": "Berlin", "postal_code": "10117", "country": "DE", **changes}
    return Address(**plain)


def test_trims_and_normalises_its_texts():
    """Surrounding white space goes, texts come in NFC, an empty optional text is none."""
    address = _address(street="  Rue de l'E\u0301glise ", street2=" ", region="")

    assert address.street == "Rue de l'Église"
    assert address.street2 is None
    assert address.region is None


@pytest.mark.parametrize("name", ["street", "street2", "city", "region", "postal_code"])
@pytest.mark.parametrize(("text", "code"), [("a\x00b", "nul-character"), ("a\nb", "control-character")])
def test_refuses_control_characters(name: str, text: str, code: str):
    """Every text of an address is one line; the fault points to the text."""
    with pytest.raises(InvalidValue) as caught:
        _address(**{name: text})

    assert (caught.value.code, caught.value.pointer) == (code, f"/{name}")


@pytest.mark.parametrize(
    ("name", "maximum"), [("street", 200), ("street2", 200), ("city", 100), ("region", 100), ("postal_code", 20)]
)
def test_limits_lengths(name: str, maximum: int):
    """A text of the maximal length is taken, one more is refused."""
    assert len(getattr(_address(**{name: "x" * maximum}), name)) == maximum
    with pytest.raises(InvalidValue) as caught:
        _address(**{name: "x" * (maximum + 1)})
    assert (caught.value.code, caught.value.pointer) == ("too-long", f"/{name}")


def test_names_all_faults_at_once():
    """Every faulty text is reported, not the first alone."""
    with pytest.raises(InvalidValue) as caught:
        _address(street="", city=" ", country="Germany")

    assert {(fault.pointer, fault.code) for fault in caught.value.faults} == {
        ("/street", "too-short"),
        ("/city", "too-short"),
        ("/country", "invalid-country"),
    }


@pytest.mark.parametrize("country", ["DE", "US", "AX", "ZW", "XK"])
def test_takes_countries_of_iso_3166(country: str):
    """A country is an ISO 3166-1 alpha-2 code; Kosovo has its customary one."""
    assert _address(country=country).country == country


@pytest.mark.parametrize("country", ["de", "De", "DEU", "276", "UK", "EU", "ZZ", "XX", "D", "", " DE"])
def test_refuses_other_country_codes(country: str):
    """Other codes and spellings are refused."""
    with pytest.raises(InvalidValue, match="ISO 3166"):
        Country(country)


def test_knows_249_countries_and_kosovo():
    """The list is that of the standard."""
    assert len(COUNTRIES) == 250


def test_reads_and_writes_json():
    """An address survives JSON; missing texts and numbers are refused."""
    address = _address(street2="Hinterhaus")

    assert codec.decode(codec.encode(address), Address) == address
    with pytest.raises(msgspec.ValidationError, match="city"):
        codec.decode(b'{"street": "a", "postal_code": "1", "country": "DE"}', Address)
    with pytest.raises(msgspec.ValidationError, match="postal_code"):
        codec.decode(b'{"street": "a", "city": "b", "postal_code": 10117, "country": "DE"}', Address)


def test_is_immutable():
    """A value never changes."""
    with pytest.raises(AttributeError):
        _address().city = "Paris"  # pyright: ignore[reportAttributeAccessIssue]


@given(
    text(sampled_from(" aA1\t\n\0\u2028\u00e9e\u0301"), max_size=6)
    | text(characters(max_codepoint=0x2FF), max_size=205)
)
@example(" A")
@example("A ")
@example("A" * 201)
@example("Cafe\u0301")
def test_a_line_that_is_taken_as_it_is_needed_no_change(street: str):
    """Whichever way a text is looked at, it ends as its trimmed normal form, or is refused."""
    line = unicodedata.normalize("NFC", street).strip()
    bad = any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in line) or "\0" in street

    if bad or not 1 <= len(line) <= 200:
        with pytest.raises(InvalidValue):
            _address(street=street)
    else:
        assert _address(street=street).street == line
