"""Phone numbers."""

import re

import pytest
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
