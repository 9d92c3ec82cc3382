"""The documentation page as a reader uses it: a real browser, watched for everything it should not do."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect, sync_playwright
from promenade_chassis.testing.polling import stretched

CONTRAST = (Path(__file__).with_name("e2e_contrast.js")).read_text(encoding="utf-8")
WITHIN = stretched(15) * 1000  # ms, for whatever is waited for
# Chromium writes each answer over 399 into the console; that a page shows problems is no fault of the page.
_ANSWERS = "Failed to load resource: the server responded with a status of"


@dataclass
class Faults:
    """What a browser complained about, and every request that left the gateway's address."""

    origin: str
    said: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Listen from before the first request; violations of the CSP are errors in the console."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", self._request)

    def expected(self, text: str) -> None:
        """Leave out what a test brought about on purpose."""
        self.said = [said for said in self.said if text not in said]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_ANSWERS):
            self.said.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "data:")):
            self.foreign.append(request.url)


@contextmanager
def chromium() -> Generator[Browser, None, None]:
    """The system's browser, without network services of its own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "no browser; on Debian: apt-get install chromium"
    with sync_playwright() as playwright:
        # Its sandbox needs rights that containers seldom have; it opens nothing but our own pages.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        expect.set_options(timeout=WITHIN)
        yield browser
        browser.close()


class Docs:
    """The documentation page, open in a browser."""

    def __init__(self, page: Page, faults: Faults) -> None:
        self.page = page
        self.faults = faults

    def open(self, path: str = "/docs") -> None:
        self.page.goto(path)

    def switch(self, name: str) -> None:
        """To a service, or to the start, in the page's header."""
        self.page.get_by_role("navigation", name="Services").get_by_role("link", name=name, exact=True).click()

    def operation(self, identifier: str) -> Operation:
        """An operation that is open."""
        return Operation(self.page.locator(f".opblock[id$='-{identifier}']:visible"))

    def choose(self, service: str, summary: str, identifier: str) -> Operation:
        """Go to an operation by the list beside them."""
        self.switch(service)
        listed = self.page.get_by_role("navigation", name=f"Operations of {service}")
        listed.get_by_role("link", name=re.compile(rf" {re.escape(summary)}$")).click()
        return self.operation(identifier)

    def sign_in(self, email: str, password: str) -> None:
        """By the dialog; says nothing about how it ends."""
        self.page.get_by_role("button", name="Sign in").first.click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_label("Email").fill(email)
        dialog.get_by_label("Password").fill(password)
        dialog.get_by_role("button", name="Sign in").click()

    def too_faint(self) -> list[str]:
        """Visible text whose contrast is under WCAG's 4.5 : 1."""
        return self.page.evaluate(CONTRAST)

    def too_wide(self) -> int:
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


class Operation:
    """One operation of Swagger UI, unfolded."""

    def __init__(self, block: Locator) -> None:
        self.block = block

    def try_it(self, body: Any = None, **parameters: str) -> tuple[int, Any]:
        """Fill in, execute; status and JSON of the answer that is shown."""
        for name, value in parameters.items():
            self.block.locator(f"tr[data-param-name='{name}']").locator("input, textarea").fill(value)
        if body is not None:
            self.block.locator("textarea.body-param__text").fill(json.dumps(body, indent=2))
        return self.execute()

    def execute_until(self, status: int) -> tuple[int, Any]:
        """Execute where more than one request is made: the status is that of the one that is shown."""
        self.block.get_by_role("button", name="Execute").click()
        shown = self.block.locator(".live-responses-table .response .response-col_status")
        expect(shown.first).to_contain_text(str(status))
        return status, self._shown()

    def execute(self) -> tuple[int, Any]:
        """Press the button and read what is shown."""
        with self.block.page.expect_response(lambda answer: "/api/v1/" in answer.url) as answered:
            self.block.get_by_role("button", name="Execute").click()
        status = answered.value.status
        shown = self.block.locator(".live-responses-table .response .response-col_status")
        expect(shown.first).to_contain_text(str(status))
        return status, self._shown()

    def _shown(self) -> Any:
        text = self.block.locator(".live-responses-table .highlight-code code").first
        return json.loads(text.inner_text()) if text.count() else None
