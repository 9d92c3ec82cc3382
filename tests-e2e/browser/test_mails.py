"""The mails as a reader opens them: on a telephone and on a desk, by day and by night."""

from __future__ import annotations

from collections.abc import Generator
from importlib.resources import files
from typing import Any

import pytest
from e2e_browser import CONTRAST, Faults
from playwright.sync_api import Browser, Page
from promenade_identity.mail.jinja import JinjaTemplates
from promenade_kernel.values.email import Email

TEMPLATES = sorted(
    file.name.removesuffix(".jinja")
    for file in (files("promenade_identity.mail") / "templates").iterdir()
    if file.name.endswith(".jinja")
)
CODE = "042137"


def page_of(template: str) -> str:
    """Templates without a code take no notice of one, but for showing it: so all of them are at their longest."""
    return JinjaTemplates().render(template, Email("ada@example.com"), code=CODE).html


@pytest.fixture(params=[320, 360, 700], ids=lambda width: f"{width}px")
def width(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(params=["light", "dark"])
def reader(request: pytest.FixtureRequest, browser: Browser, width: int) -> Generator[Page, None, None]:
    """Where mails are read; complains about every request, for a mail makes none."""
    viewport: Any = {"width": width, "height": 640}
    context = browser.new_context(viewport=viewport, color_scheme=request.param, java_script_enabled=True)
    page = context.new_page()
    faults = Faults("about:blank")
    faults.watch(page)
    yield page
    context.close()
    assert (faults.said, faults.foreign) == ([], [])


def test_every_mail_can_be_read(reader: Page) -> None:
    """Nothing is wider than the window, and all text stands out from what is behind it (WCAG 1.4.3)."""
    found: dict[str, Any] = {}
    for template in TEMPLATES:
        reader.set_content(page_of(template))
        too_wide = reader.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        found[template] = (max(too_wide, 0), reader.evaluate(CONTRAST))

    assert found == dict.fromkeys(TEMPLATES, (0, []))


def test_a_code_is_large_and_taken_whole(reader: Page) -> None:
    """On one line, at twice the size of the text; one tap or double click selects all of it and nothing else."""
    reader.set_content(page_of("activation"))
    code = reader.locator(".code")

    height, size = code.evaluate("e => [e.getBoundingClientRect().height, parseFloat(getComputedStyle(e).fontSize)]")
    code.dblclick()

    assert size >= 32
    assert height < 2.5 * size
    assert reader.evaluate("getSelection().toString().trim()") == CODE


def test_a_mail_is_legible_without_its_styles(browser: Browser) -> None:
    """Many readers drop the head of a page: what stands inline is enough, by day."""
    context = browser.new_context(viewport={"width": 360, "height": 640}, color_scheme="dark")
    page = context.new_page()
    html = page_of("activation")
    page.set_content(html[: html.index("<style>")] + html[html.index("</style>") + len("</style>") :])

    faint, painted = page.evaluate(CONTRAST), page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()

    assert faint == []
    assert painted == "rgb(243, 244, 248)"
