"""The files of the documentation page, and the page with its words filled in."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from promenade_chassis.ports import NotFound

from promenade_gateway.docs.content import Content
from promenade_gateway.docs.policy import OWN_FILES, inline_only

HERE = Path(__file__).parent
_MEDIA = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    "": "text/plain",
}
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_NAMES = {"customer-management": "Customers", "order-management": "Orders"}
_ON_THIS_MACHINE = (
    "This is a stack on one machine: the superadmin's address and password are in <code>credentials.json</code> in the"
    " stack's home, which is <code>.promenade/</code> unless <code>PROMENADE_HOME</code> names another folder."
)
_MAILS_ON_THIS_MACHINE = "This stack sends no mail: <code>./run promenade mail show</code> prints the last one."


class Assets:
    """What the page loads. Addresses hold the hash of all files together, so they can be kept for good."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = {name: Content(path.read_bytes(), _MEDIA[path.suffix]) for name, path in files.items()}
        digests = "".join(self._files[name].digest for name in sorted(self._files))
        self.digest = sha256(digests.encode()).hexdigest()[:16]
        self.path = f"/docs/assets/{self.digest}"

    def find(self, name: str) -> Content:
        """One file; raises `NotFound`."""
        if name not in self._files:
            raise NotFound(f"There is no file '{name}'")
        return self._files[name]


@cache
def load_assets() -> Assets:
    """Ours and Swagger UI's; read once a process."""
    found = [path for folder in ("site", "vendor") for path in sorted((HERE / folder).iterdir())]
    return Assets({path.name: path for path in found if path.suffix not in (".html", ".json")})


def docs_page(assets: Assets, services: Sequence[str], *, origin: str, one_machine: bool) -> Content:
    """The page. `origin` is the public base URL; `one_machine` tells where the embedded stack keeps what it made."""
    page = (HERE / "site" / "page.html").read_text(encoding="utf-8")
    words = {
        "assets": assets.path,
        "origin": html.escape(origin),
        "services": "\n".join(f'    <a href="/docs/{n}" data-view="{n}">{title_of(n)}</a>' for n in services),
        "specifications": ", ".join(f'<a href="/openapi/{name}.json">{name}</a>' for name in services),
        "credentials": _ON_THIS_MACHINE if one_machine else "",
        "mail": _MAILS_ON_THIS_MACHINE if one_machine else "It has six digits and lasts for some minutes.",
    }
    text = _PLACE.sub(lambda place: words[place[1]], page)
    return Content(text.encode(), "text/html", {"Content-Security-Policy": OWN_FILES})


def events_page() -> Content:
    """The readable page of `asyncapi.yaml`."""
    page = (HERE / "events" / "events.html").read_text(encoding="utf-8")
    return Content(page.encode(), "text/html", {"Content-Security-Policy": inline_only(page)})


def asyncapi() -> Content:
    """The AsyncAPI document of all services."""
    return Content((HERE / "events" / "asyncapi.yaml").read_bytes(), "application/yaml")


def title_of(service: str) -> str:
    """The short name that people read."""
    return _NAMES.get(service, service.replace("-", " ").capitalize())
