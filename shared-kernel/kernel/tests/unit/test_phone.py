"""Phone numbers."""

import re
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType
from promenade_kernel.values.errors import InvalidValue
from promenade_kernel.values.phone import Phone


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+4915112345678", "+4915112345678"),
        ("+49 151 12345678", "+4915112345678"),
        ("+49 (0) 151 / 123-456-78", "+4915112345678"),
        ("+1 (202) 555-0123", "+12025550123"),
        ("+44 20 7946 0958", "+442079460958"),
        ("+390612345678", "+390612345678"),
        ("+33.6.12.34.56.78", "+33612345678"),
        ("+8613800138000", "+8613800138000"),
    ],
)
def test_takes_a_number_in_international_form(text: str, normal: str):
    """A number with its country code becomes E.164."""
    phone = Phone(text)

    assert phone == normal
    assert re.fullmatch(Phone.json_schema["pattern"], phone)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "015112345678",
        "004915112345678",
        "4915112345678",
        "++4915112345678",
        "+49",
        "+1234",
        "+999123456789",
        "+0123456789",
        "+49151123456789012345",
        "+1-800-FLOWERS",
        "+4915112345678x5",
        "+4915112345678;ext=5",
        "+٤٩١٥١١٢٣٤٥٦٧٨",
        " +4915112345678",
        "+4915112345678\n",
        "tel:+4915112345678",
    ],
)
def test_refuses_what_is_no_number(text: str):
    """National numbers, unknown countries, impossible lengths, letters and extensions are refused."""
    with pytest.raises(InvalidValue) as caught:
        Phone(text)

    assert caught.value.code == "invalid-phone"


def examples() -> Iterator[tuple[str, PhoneNumber]]:
    """libphonenumber's example of every type in every region that has one, and those of no region."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in PhoneNumberType.values():
            found = phonenumbers.example_number_for_type(region, kind)
            if found is not None:
                yield f"{region} {PhoneNumberType.to_string(kind)}", found
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        found = phonenumbers.example_number_for_non_geo_entity(code)
        assert found is not None, code
        yield f"+{code}", found


EXAMPLES = list(examples())


def test_the_examples_are_of_the_whole_world():
    """Every region and every country code without one; a library that lost them would prove nothing."""
    assert {name.partition(" ")[0] for name, _ in EXAMPLES} >= set(phonenumbers.SUPPORTED_REGIONS) | {"+800", "+888"}
    assert len(EXAMPLES) > 1_000


@pytest.mark.parametrize("written", [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL], ids=["e164", "written"])
def test_every_example_of_the_world_becomes_e164(written: int):
    """As digits, and as people write it to be called from abroad."""
    wrong = {
        name: (text, phone)
        for name, number in EXAMPLES
        if (phone := Phone(text := phonenumbers.format_number(number, written)))
        != phonenumbers.format_number(number, PhoneNumberFormat.E164)
        or not re.fullmatch(Phone.json_schema["pattern"], phone)
    }

    assert wrong == {}


@pytest.mark.parametrize("written", [PhoneNumberFormat.NATIONAL, PhoneNumberFormat.RFC3966], ids=["national", "url"])
def test_no_example_without_its_country_code_is_taken(written: int):
    """As people write it at home, and as a URL: which country is meant is not guessed."""
    for name, number in EXAMPLES:
        with pytest.raises(InvalidValue) as caught:
            pytest.fail(f"{name}: {Phone(phonenumbers.format_number(number, written))}")

        assert caught.value.code == "invalid-phone", name


@pytest.mark.parametrize("code", ["+49", "+81", "+62"])
def test_fifteen_digits_are_the_most(code: str):
    """E.164 ends there, also where the country's own plan goes on."""
    longest = code + "1" * (15 - len(code) + 1)

    assert Phone(longest) == longest
    with pytest.raises(InvalidValue) as caught:
        Phone(longest + "1")
    assert caught.value.code == "invalid-phone"
