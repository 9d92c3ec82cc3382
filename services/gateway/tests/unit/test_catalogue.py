"""The catalogue that ships with the gateway."""

import json

import pytest
from promenade_chassis.http.problems import problem_body
from promenade_gateway.catalogue import CATALOGUE, PROBLEMS, Problem
from promenade_gateway.problem_pages import article_of, text_as_html

MEMBERS = set(problem_body(status=1, slug="", title="", detail="", instance="", request_id=""))


@pytest.mark.parametrize("problem", CATALOGUE.problems, ids=lambda problem: problem.slug)
def test_a_problem_says_what_a_client_needs(problem: Problem) -> None:
    """What it means and what to do in sentences, and an example that is a whole problem."""
    assert problem.meaning.endswith(".")
    assert problem.advice.endswith(".")
    assert problem.title
    assert problem.example.keys() >= MEMBERS
    assert (problem.example["code"], problem.example["status"]) == (problem.slug, problem.status)
    assert problem.example["type"] == f"/problems/{problem.slug}"


@pytest.mark.parametrize("slug", sorted(PROBLEMS))
def test_a_page_shows_all_of_its_problem(slug: str) -> None:
    """Title, status, code, meaning, advice and the example."""
    problem = PROBLEMS[slug]

    page = article_of(problem)

    for text in (problem.title, problem.meaning, problem.advice):
        assert text_as_html(text) in page
    assert f"Status {problem.status}, code <code>{slug}</code>" in page
    assert json.dumps(problem.example["instance"], ensure_ascii=False).strip('"') in page


@pytest.mark.parametrize("fault", CATALOGUE.faults, ids=lambda fault: fault.code)
def test_a_fault_has_its_row(fault: object) -> None:
    """On the page of the problem whose `errors` it stands in, where a link can lead to it."""
    code = getattr(fault, "code", "")

    assert f'<tr id="{code}">' in article_of(PROBLEMS["invalid"])


def test_what_is_shown_is_text() -> None:
    """Not HTML; backticks make code of it."""
    assert text_as_html("a < `b&c`") == "a &lt; <code>b&amp;c</code>"
