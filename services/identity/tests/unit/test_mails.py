"""Mails: templates, messages, seals, and when to try again."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from promenade_identity.mail.entity import Mail
from promenade_identity.mail.jinja import JinjaTemplates
from promenade_identity.mail.message import message_of
from promenade_identity.mail.use_cases import pause_after
from promenade_identity.sealing import Seal, derived_key
from promenade_kernel.values.email import Email

TO = Email("ada123456@example.com")
SENDER = "Promenade <no-reply@promenade.example.com>"
WITH_CODE, WITHOUT = (
    ["activation", "contact-code", "password-reset"],
    ["registration-repeated", "account-locked", "activation-unclear"],
)


@pytest.mark.parametrize("template", WITH_CODE)
def test_a_code_is_the_only_number_of_six_digits(template: str) -> None:
    """Who looks for it finds it at once, in both parts; nothing that the user chose is repeated."""
    mail = JinjaTemplates().render(template, TO, "de", code="042137")

    assert re.findall(r"\d{6,}", mail.text) == ["042137"]
    assert "042137" in mail.html
    assert TO not in mail.text + mail.html
    assert "042137" not in mail.subject


@pytest.mark.parametrize("template", WITHOUT)
def test_notices_carry_no_number_at_all(template: str) -> None:
    """So nobody takes one for a code."""
    mail = JinjaTemplates().render(template, TO)

    assert not re.search(r"\d", mail.text)


@pytest.mark.parametrize("template", WITH_CODE + WITHOUT)
def test_a_message_has_both_parts_and_a_name_that_stays(template: str) -> None:
    """Text first, then HTML; the Message-ID and the date are the mail's own, so a repeated one is recognised."""
    mail = JinjaTemplates().render(template, TO, code="042137")

    raw = message_of(mail, SENDER).as_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)

    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Message-ID"] == f"<{mail.id}@promenade.example.com>"
    assert (str(message["From"]), str(message["To"])) == (SENDER, TO)
    assert message["Subject"] == mail.subject
    assert abs(message["Date"].datetime - mail.created_at) < timedelta(seconds=1)
    ids = [message_of(mail, SENDER)["Message-ID"] for _ in range(2)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize("address", ["o'brien+tag@example.com", "jürgen@bücher.example", "a.b@sub.example.com"])
def test_unusual_addresses_can_be_written_to(address: str) -> None:
    """The header shows the address as it was given."""
    mail = Mail(to=Email(address), subject="Grüße", text="…\n", html="<p>…</p>")

    assert address in str(message_of(mail, SENDER)["To"])


def test_values_are_escaped_in_html_alone() -> None:
    """Nothing given to a template becomes markup."""
    mail = JinjaTemplates().render("activation", TO, code="<b>1</b>")

    assert "<b>1</b>" in mail.text
    assert "&lt;b&gt;1&lt;/b&gt;" in mail.html


def test_pauses_grow_to_five_minutes() -> None:
    """Soon at first; a server that is away for long is not asked every second."""
    pauses = [pause_after(attempts) for attempts in range(40)]

    assert pauses[:3] == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(minutes=5)


def test_what_is_sealed_opens_only_where_it_belongs() -> None:
    """With another key, in another place or after a change of one bit it stays shut."""
    seal = Seal(derived_key("a secret", "mails"))
    sealed = seal.close(b"042137", "mail 1")

    assert seal.open(sealed, "mail 1") == b"042137"
    assert b"042137" not in sealed
    assert seal.close(b"042137", "mail 1") != sealed
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for opener, content, place in [
        (seal, sealed, "mail 2"),
        (seal, changed, "mail 1"),
        (Seal(derived_key("a secret", "signing keys")), sealed, "mail 1"),
        (Seal(derived_key("another", "mails")), sealed, "mail 1"),
    ]:
        with pytest.raises(InvalidTag):
            opener.open(content, place)
