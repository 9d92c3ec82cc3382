"""Mails made of Jinja2 templates: `<name>.txt` holds subject, a line of dashes and the text, `<name>.html` the page."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from promenade_kernel.values.email import Email

from promenade_identity.mail.entity import Mail

_UNDER_THE_SUBJECT = "\n---\n"


class JinjaTemplates:
    """The templates that ship with the service, in English."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("promenade_identity.mail", "templates"),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )

    def render(self, template: str, to: Email, locale: str | None = None, **values: Any) -> Mail:
        """The mail of a template with its values; `locale` will choose among translations."""
        written = self._environment.get_template(f"{template}.txt").render(values)
        subject, _, text = written.partition(_UNDER_THE_SUBJECT)
        html = self._environment.get_template(f"{template}.html").render(values)
        return Mail(to=to, subject=subject.strip(), text=text, html=html)
