"""`/problems`: what every `code` means, as pages for people and as JSON for programs."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.params import FromPath
from promenade_chassis.http.access import public
from promenade_chassis.ports import Invalid, NotFound

from promenade_gateway.catalogue import CATALOGUE, PROBLEMS, Fault, Problem

AnyRequest = Request[Any, Any, Any]

# The stylesheet alone may be loaded; scripts, pictures, frames and forms may not.
_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {"Content-Security-Policy": _CSP, "Vary": "Accept", "Cache-Control": "public, max-age=3600"}
_CODE = re.compile(r"`([^`]+)`")
_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --link: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --link: #8ab4f8; } }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
a { color: var(--link); }
code, pre { font: .9em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: 4px; }
code { padding: .1em .3em; }
td:first-child code, td a code { white-space: nowrap; }
pre { padding: 1rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); }
tr:target { background: var(--soft); }
.status { font-variant-numeric: tabular-nums; }
.who { opacity: .75; }
"""


@get(
    "/problems",
    access=public(),
    operation_id="list_problems",
    summary="What every code means",
    media_type=MediaType.HTML,
    tags=["documentation"],
)
async def problem_list(request: AnyRequest) -> Response[str]:
    """Every problem and every fault; JSON with `Accept: application/json`."""
    return _as_json(CATALOGUE) if _wants_json(request) else _page("Problems", _list())


@get(
    "/problems/{slug:str}",
    access=public(),
    operation_id="problem",
    summary="What a problem means",
    media_type=MediaType.HTML,
    tags=["documentation"],
)
async def problem_page(request: AnyRequest, slug: FromPath[str]) -> Response[str]:
    """Where the `type` of a problem leads to; JSON with `Accept: application/json`."""
    problem = PROBLEMS.get(slug)
    if problem is None:
        raise NotFound(f"There is no problem '{slug}'")
    return _as_json(problem) if _wants_json(request) else _page(problem.title, article_of(problem))


@get("/problems/style.css", access=public(), include_in_schema=False, media_type=MediaType.CSS)
async def problem_style() -> Response[str]:
    """The stylesheet of these pages."""
    return Response(_STYLE, media_type=MediaType.CSS, headers={"Cache-Control": "public, max-age=3600"})


PROBLEM_ROUTES = (problem_list, problem_page, problem_style)


def _wants_json(request: AnyRequest) -> bool:
    kinds = ["text/html", "application/json"]
    return request.accept.best_match(kinds, default=kinds[0]) == "application/json"


def _as_json(shown: Any) -> Response[str]:
    return Response(msgspec.json.encode(shown).decode(), media_type=MediaType.JSON, headers=_HEADERS)


def _page(title: str, body: str) -> Response[str]:
    content = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{html.escape(title)} – Promenade</title><link rel="stylesheet" href="/problems/style.css"></head>\n'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )
    return Response(content, media_type=MediaType.HTML, headers=_HEADERS)


def article_of(problem: Problem) -> str:
    """The page of one problem."""
    example = json.dumps(problem.example, indent=2, ensure_ascii=False)
    return "\n".join(
        [
            '<nav><a href="/problems">All problems</a></nav>',
            f"<h1>{text_as_html(problem.title)}</h1>",
            f'<p class="who">Status {problem.status}, code <code>{problem.slug}</code>, {_who(problem.services)}</p>',
            f"<h2>What it means</h2><p>{text_as_html(problem.meaning)}</p>",
            f"<h2>What to do</h2><p>{text_as_html(problem.advice)}</p>",
            f"<h2>Example</h2><pre>{html.escape(example)}</pre>",
            *([_faults()] if problem.slug == Invalid.slug else ()),
        ]
    )


def _list() -> str:
    rows = "\n".join(
        f'<tr><td class="status">{each.status}</td>'
        f'<td><a href="/problems/{each.slug}"><code>{each.slug}</code></a></td>'
        f"<td>{text_as_html(each.title)}</td></tr>"
        for each in CATALOGUE.problems
    )
    return (
        "<h1>Problems</h1>\n<p>Every error answer is <code>application/problem+json</code> (RFC 9457). Its "
        "<code>code</code> is one of these and never changes its meaning; its <code>type</code> leads to the page.</p>"
        f"\n<table><thead><tr><th>Status<th>Code<th>Title</tr></thead><tbody>\n{rows}\n</tbody></table>\n{_faults()}"
    )


def _faults() -> str:
    rows = "\n".join(map(_fault_row, CATALOGUE.faults))
    return (
        "<h2>Codes of the entries in <code>errors</code></h2>\n"
        f"<table><thead><tr><th>Code<th>What it means<th>What to do</tr></thead><tbody>\n{rows}\n</tbody></table>"
    )


def _fault_row(fault: Fault) -> str:
    return (
        f'<tr id="{fault.code}"><td><code>{fault.code}</code></td>'
        f"<td>{text_as_html(fault.meaning)}</td><td>{text_as_html(fault.advice)}</td></tr>"
    )


def _who(services: tuple[str, ...]) -> str:
    return "any service" if "any" in services else "answered by " + " and ".join(services)


def text_as_html(text: str) -> str:
    """Text as HTML; what stands in backticks is code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text))
