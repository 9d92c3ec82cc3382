"""Email addresses."""

import pytest
from promenade_kernel.values.email import Email
from promenade_kernel.values.errors import InvalidValue

VALID = {
    "ada@example.com": "ada@example.com",
    "Ada.Lovelace+tea@Example.COM": "Ada.Lovelace+tea@example.com",
    "Admin@example.com": "Admin@example.com",
    "a@sub.domain.example.co.uk": "a@sub.domain.example.co.uk",
    "o'neil_{x}!#$%&*/=?^`|~-@example.com": "o'neil_{x}!#$%&*/=?^`|~-@example.com",
    "1@example.com": "1@example.com",
    "ada@1-2.example": "ada@1-2.example",
    "ada@BÜCHER.example": "ada@bücher.example",
    "ada@xn--bcher-kva.example": "ada@bücher.example",
    "jose\u0301@example.com": "josé@example.com",
    "用户@例子.广告": "用户@例子.广告",
    "ada@mail.test": "ada@mail.test",
    "x" * 64 + "@example.com": "x" * 64 + "@example.com",
    "a@" + ("b" * 60 + ".") * 4 + "example": "a@" + ("b" * 60 + ".") * 4 + "example",
}

INVALID = [
    "",
    "ada",
    "@example.com",
    "ada@",
    "ada@example",
    "ada@localhost",
    "ada@test",
    "ada@@example.com",
    "ada@example..com",
    "ada@.example.com",
    "ada@example.com.",
    "ada@-example.com",
    "ada@exa_mple.com",
    ".ada@example.com",
    "ada.@example.com",
    "a..da@example.com",
    "a da@example.com",
    " ada@example.com",
    "ada@example.com ",
    "ada@example.com\n",
    "ada@example.com\r\nBcc: eve@example.com",
    "ada@exam ple.com",
    "ada@[127.0.0.1]",
    "ada@127.0.0.1",
    "Ada <ada@example.com>",
    '"Ada" <ada@example.com>',
    "ada(comment)@example.com",
    "ada@example.com, eve@example.com",
    "ada;eve@example.com",
    "ada\t@example.com",
    "x" * 65 + "@example.com",
    "é" * 33 + "@example.com",
    "a@" + ("b" * 60 + ".") * 4 + "example.com",
    "a@" + "b" * 64 + ".com",
]


@pytest.mark.parametrize(("text", "normal"), VALID.items())
def test_takes_an_address(text: str, normal: str):
    """An address keeps the case of its local part; its domain comes in lower case and Unicode."""
    email = Email(text)

    assert email == normal
    assert f"{email.local}@{email.domain}" == email


@pytest.mark.parametrize("text", INVALID)
def test_refuses_what_is_no_address(text: str):
    """What no mail server would take is refused, without repeating it."""
    with pytest.raises(InvalidValue) as caught:
        Email(text)

    assert caught.value.code == "invalid-email"


@pytest.mark.parametrize("text", ['"ada lovelace"@example.com', '"ada"@example.com', '"a@b"@example.com'])
def test_refuses_quoted_local_parts_by_name(text: str):
    """A quoted local part is legal mail but refused here, with a code of its own."""
    with pytest.raises(InvalidValue) as caught:
        Email(text)

    assert caught.value.code == "email-quoted-local-part"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Ada@Example.com", "ada@example.COM"),
        ("JOSÉ@example.com", "jose\u0301@example.com"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_canonical_is_the_key_of_uniqueness(left: str, right: str):
    """Two spellings of one address have one canonical form."""
    assert Email(left).canonical == Email(right).canonical


@pytest.mark.parametrize("text", VALID)
def test_normalising_twice_changes_nothing(text: str):
    """The normal form is stable."""
    assert Email(str(Email(text))) == Email(text)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ada@example.com", "example.com"),
        ("ada@BÜCHER.example", "xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "xn--bcher-kva.example"),
        # IDNA 2003 would make another domain of it.
        ("ada@faß.example", "xn--fa-hia.example"),
        ("jürgen@bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_every_domain_can_be_written_in_ascii(address: str, domain: str) -> None:
    """As mail servers that know nothing else have to be told it."""
    assert Email(address).ascii_domain == domain
