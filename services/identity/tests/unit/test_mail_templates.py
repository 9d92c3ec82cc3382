"""What mails say: both forms, one code, nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from jinja2 import Environment, meta
from promenade_identity.mail.entity import Mail
from promenade_identity.mail.jinja import JinjaTemplates
from promenade_identity.mail.message import message_of
from promenade_kernel.values.email import Email

TO = Email("ada123456@example.com")
SENDER = "Promenade <no-reply@promenade.example.com>"
CODE = "042137"
LIFETIMES = {
    "activation": "10 minutes",
    "contact-code": "10 minutes",
    "invitation": "7 days",
    "password-reset": "10 minutes",
}
NOTICES = [
    "account-deleted",
    "account-locked",
    "account-reinstated",
    "account-suspended",
    "activation-unclear",
    "password-changed",
    "registration-repeated",
]
TEMPLATES = sorted([*LIFETIMES, *NOTICES])
FOLDER = files("promenade_identity.mail") / "templates"


class Shown(HTMLParser):
    """The text of a page, and the attributes of its elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._unseen = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen = tag in ("style", "title")
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        self._unseen = False

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words += data.split()


def mail_of(template: str) -> Mail:
    values = {"code": CODE} if template in LIFETIMES else {}
    return JinjaTemplates().render(template, TO, "de-AT", **values)


def test_every_template_is_tested() -> None:
    """The lists above are the folder."""
    assert sorted(file.name[:-6] for file in FOLDER.iterdir() if file.name.endswith(".jinja")) == TEMPLATES


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_code_is_the_only_number_of_six_digits(template: str) -> None:
    """Who looks for it finds it at once, in either part and in the raw message; a notice has none."""
    mail = mail_of(template)
    wanted = [CODE] if template in LIFETIMES else []

    assert re.findall(r"\d{6,}", mail.text) == wanted
    assert re.findall(r"\b\d{6}\b", mail.html) == wanted
    assert re.findall(r"\b\d{6}\b", str(message_of(mail, SENDER))) == wanted * 2
    assert not re.search(r"\d", mail.subject)


@pytest.mark.parametrize("template", NOTICES)
def test_notices_carry_no_number_at_all(template: str) -> None:
    """So nobody takes one for a code."""
    assert not re.search(r"\d", mail_of(template).text)


@pytest.mark.parametrize("template", LIFETIMES)
def test_a_mail_says_how_long_its_code_is_good(template: str) -> None:
    """What is said is what the code's purpose has."""
    assert f"This code is good for {LIFETIMES[template]} and for one use." in mail_of(template).text.replace("\n", " ")


@pytest.mark.parametrize("template", TEMPLATES)
def test_both_parts_say_the_same(template: str) -> None:
    """Word by word, but for the name above the page and the dashes above the footer of the text."""
    mail = mail_of(template)

    assert Shown(mail.html).words == ["Promenade", *(word for word in mail.text.split() if word != "--")]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_page_asks_nobody_for_anything(template: str) -> None:
    """No picture, font, style, link or script from anywhere: opening a mail tells nobody that it was opened."""
    page = mail_of(template).html

    assert not re.search(r"https?:|//|url\(|@import|<(img|link|script|iframe|form|a)\b", page)
    assert [
        name for name, _ in Shown(page).attributes if name in ("src", "href", "srcset", "background", "action")
    ] == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_mail_repeats_nothing_that_a_user_chose(template: str) -> None:
    """Templates know the code and nothing else, so no name can break the page or speak to a stranger in ours."""
    source = (FOLDER / f"{template}.jinja").read_text(encoding="utf-8")
    layouts = [(FOLDER / f"layout.{kind}").read_text(encoding="utf-8") for kind in ("txt", "html")]
    environment = Environment(autoescape=True)
    environment.filters["paragraphs"] = str

    used = set[str]().union(*(meta.find_undeclared_variables(environment.parse(each)) for each in [source, *layouts]))

    mail = mail_of(template)
    assert used <= {"layout", "self", "code"}
    assert TO not in mail.text + mail.html


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_text_travels_as_it_is(template: str) -> None:
    """Short lines of ASCII: neither base64 nor quoted-printable hides the code from who reads the raw message."""
    mail = mail_of(template)
    part = message_of(mail, SENDER).get_body(("plain",))

    assert mail.text.isascii()
    assert max(len(line) for line in mail.text.splitlines()) <= 72
    assert part is not None
    assert part["Content-Transfer-Encoding"] == "7bit"


def test_values_are_escaped_in_html_alone() -> None:
    """Nothing given to a template becomes markup."""
    mail = JinjaTemplates().render("activation", TO, code="<b>1</b>")

    assert "<b>1</b>" in mail.text
    assert "&lt;b&gt;1&lt;/b&gt;" in mail.html
