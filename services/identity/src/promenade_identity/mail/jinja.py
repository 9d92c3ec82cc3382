"""Mails made of Jinja2 templates: `<name>.jinja` says what a mail says, `layout.txt` and `layout.html` how.

So text and HTML of a mail never differ. No subject holds a code: subjects show on locked screens and stand in the logs
of every server on the way. And no mail repeats what a user chose, as a display name: whoever registers an address
that is not his could have us write his words to its owner.
"""

from __future__ import annotations

import textwrap
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from promenade_kernel.values.email import Email

from promenade_identity.mail.entity import Mail

# Plain ASCII in lines of this length goes over the wire as it is, without quoted-printable.
_COLUMNS = 72
_PARAGRAPH = Markup('<p style="margin:0 0 16px;">{}</p>')


class JinjaTemplates:
    """The templates that ship with the service, in English."""

    def __init__(self) -> None:
        self._text = _environment(_wrapped, autoescape=False)
        self._page = _environment(_marked_up, autoescape=True)

    def render(self, template: str, to: Email, locale: str | None = None, **values: Any) -> Mail:
        """The mail of a template with its values. `locale` will choose among translations; there is English alone."""
        said = self._text.get_template(f"{template}.jinja")
        context = said.new_context({"layout": "layout.txt", **values})
        return Mail(
            to=to,
            subject="".join(said.blocks["subject"](context)).strip(),
            text=said.render(layout="layout.txt", **values),
            html=self._page.get_template(f"{template}.jinja").render(layout="layout.html", **values),
        )


def _environment(paragraphs: Any, *, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("promenade_identity.mail", "templates"),
        autoescape=autoescape,  # noqa: S701 - the text part is no markup; the page is escaped
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["paragraphs"] = paragraphs
    return environment


def _wrapped(prose: str) -> str:
    return "\n\n".join(textwrap.fill(each, _COLUMNS, break_on_hyphens=False) for each in _paragraphs_of(prose))


def _marked_up(prose: str) -> Markup:
    # What comes in is markup already: escaped where it was a value.
    return Markup("\n").join(_PARAGRAPH.format(Markup(each)) for each in _paragraphs_of(prose))  # noqa: S704


def _paragraphs_of(prose: str) -> list[str]:
    """What blank lines part, each in one line."""
    return [" ".join(each.split()) for each in prose.strip().split("\n\n")]
