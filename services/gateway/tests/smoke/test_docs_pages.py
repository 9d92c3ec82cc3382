"""`/docs` and what it loads, `/events`, `/asyncapi.yaml`: what goes over the wire. `just test-browser` uses them."""

import gzip
import re
from typing import Any

import httpx
import pytest
import yaml
from gateway_rig import CONTEXTS, FakeAdmission
from promenade_gateway.docs.content import takes_gzip
from promenade_gateway.docs.policy import inline_only
from promenade_gateway.docs.vendoring import FILES, Different, hashes_of, manifest, require_same, shipped

PAGES = ["/docs", "/docs/billing", "/docs/gateway", "/events", "/asyncapi.yaml", "/robots.txt", "/favicon.ico"]
ELSEWHERE = re.compile(r"""(?:src|href)\s*=\s*["'](?:https?:)?//|@import|url\(\s*["']?(?:https?:)?//""")


def loaded_by(page: httpx.Response) -> list[str]:
    """The addresses of everything that the page loads."""
    return re.findall(r'<(?:script|link)\b[^>]*?(?:src|href)="([^"]+)"', page.text)


@pytest.mark.parametrize("path", PAGES)
async def test_whoever_comes_may_read(gateway: Any, path: str) -> None:
    """Without a token and with every service away; the headers of safety are those of all answers."""
    async with gateway({}) as client:
        answer = await client.get(path)

    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert len(answer.headers.get_list("Cache-Control")) == 1


async def test_the_root_leads_to_the_documentation(gateway: Any) -> None:
    """Who types the bare address wants to read."""
    async with gateway({}) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/docs")


async def test_reading_counts_as_any_other_request(gateway: Any, admission: FakeAdmission) -> None:
    """The page of megabytes is behind the same limits as the rest."""
    admission.allowed = False
    async with gateway({}) as client:
        answer = await client.get("/docs")

    assert answer.status_code == 429


async def test_everything_the_page_loads_is_there(gateway: Any) -> None:
    """From this address, under its own type, and to be kept for good."""
    async with gateway({}) as client:
        page = await client.get("/docs")
        parts = {path: await client.get(path) for path in loaded_by(page)}

    assert {path.rpartition("/")[2] for path in parts} == {"favicon.svg", "swagger-ui.css", "docs.css", "docs.js"}
    for path, part in parts.items():
        assert part.status_code == 200, path
        assert "immutable" in part.headers["Cache-Control"]
        assert part.headers["Content-Type"].split(";")[0] in ("text/css", "text/javascript", "image/svg+xml")


async def test_modules_find_each_other(gateway: Any) -> None:
    """What a script imports stands beside it."""
    async with gateway({}) as client:
        page = await client.get("/docs")
        waiting = [path for path in loaded_by(page) if path.endswith(".js")]
        seen: set[str] = set()
        while waiting:
            path = waiting.pop()
            seen.add(path.rpartition("/")[2])
            script = await client.get(path)
            assert script.status_code == 200, path
            folder = path.rpartition("/")[0]
            waiting += [f"{folder}/{name}" for name in re.findall(r'from "\./([^"]+)"', script.text)]

    assert seen == {"docs.js", "reference.js", "session.js", "sign_in.js"}


async def test_no_page_names_another_address_to_load_from(gateway: Any) -> None:
    """No CDN, no fonts, nothing to count readers: neither in the pages nor in our scripts and styles."""
    async with gateway({}) as client:
        page = await client.get("/docs")
        texts = [page.text, (await client.get("/events")).text]
        texts += [(await client.get(path)).text for path in loaded_by(page)]

    assert [found for text in texts for found in ELSEWHERE.findall(text)] == []


async def test_the_page_may_load_only_from_here(gateway: Any) -> None:
    """The policy allows nothing inline, no eval, no other origin."""
    async with gateway({}) as client:
        policy = (await client.get("/docs")).headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_events_page_may_run_exactly_its_own_script(gateway: Any) -> None:
    """The hashes in its policy are those of what is inside it."""
    async with gateway({}) as client:
        answer = await client.get("/events")

    policy = answer.headers["Content-Security-Policy"]
    assert policy == inline_only(answer.text)
    assert policy.count("'sha256-") == 2
    assert "unsafe" not in policy


def test_a_changed_script_has_another_hash() -> None:
    """What is put into the page later does not run. The hash is the one browsers compute."""
    page = "<style>p{}</style><script>alert(1)</script>"

    assert "script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='" in inline_only(page)
    assert inline_only(page) != inline_only(page.replace("1", "2"))


async def test_asyncapi_names_every_stream(gateway: Any) -> None:
    """The document of all services, as YAML."""
    async with gateway({}) as client:
        answer = await client.get("/asyncapi.yaml")

    assert answer.headers["Content-Type"].startswith("application/yaml")
    document = yaml.safe_load(answer.text)
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == set(CONTEXTS)


@pytest.mark.parametrize("path", ["/docs", "/events", "/asyncapi.yaml"])
async def test_what_a_reader_has_is_not_sent_again(gateway: Any, path: str) -> None:
    """With the ETag the answer is 304 without a body, for the plain and for the compressed form."""
    async with gateway({}) as client:
        for coding in ("identity", "gzip"):
            first = await client.get(path, headers={"Accept-Encoding": coding})
            again = await client.get(
                path, headers={"Accept-Encoding": coding, "If-None-Match": f'"x", {first.headers["ETag"]}'}
            )
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == first.headers["ETag"]
        other = await client.get(path, headers={"If-None-Match": '"something else"'})

    assert other.status_code == 200


async def test_large_files_travel_compressed(gateway: Any) -> None:
    """To who takes gzip, under another ETag; the content is the same."""
    async with gateway({}) as client:
        script = loaded_by(await client.get("/docs"))[0].rpartition("/")[0] + "/swagger-ui-bundle.js"
        plain = await client.get(script, headers={"Accept-Encoding": "identity"})
        request = client.build_request("GET", script, headers={"Accept-Encoding": "gzip"})
        compressed = await client.send(request, stream=True)
        raw = b"".join([chunk async for chunk in compressed.aiter_raw()])

    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert compressed.headers["ETag"] != plain.headers["ETag"]
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content) / 3


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("deflate, gzip ; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("xgzip", False),
        ("", False),
    ],
)
def test_who_takes_gzip(header: str, taken: bool) -> None:
    """As Accept-Encoding says it, with weights."""
    assert takes_gzip(header) is taken


async def test_a_page_of_another_version_gets_what_there_is(gateway: Any) -> None:
    """While replicas are replaced a page may ask the other version: it works, and nobody keeps the wrong file."""
    async with gateway({}) as client:
        answer = await client.get("/docs/assets/0123456789abcdef/docs.js")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/docs/nothing", "/docs/billing/more", "/docs/assets/x/nothing.js", "/docs/assets/x/page.html", "/events/x"],
)
async def test_what_is_not_there_is_a_problem(gateway: Any, path: str) -> None:
    """As everywhere; no file is found but those by name."""
    async with gateway({}) as client:
        answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_the_page_names_the_services_there_are(gateway: Any) -> None:
    """Those that are configured, and the gateway."""
    async with gateway({}) as client:
        page = await client.get("/docs")

    assert re.findall(r'data-view="([a-z-]+)"', page.text.split("<nav")[1].split("</nav>")[0]) == [
        "start",
        *CONTEXTS,
        "gateway",
    ]
    assert "{{" not in page.text


async def test_only_the_stack_on_one_machine_tells_where_its_password_is(gateway: Any) -> None:
    """Elsewhere the page says nothing of files."""
    async with gateway({}) as client:
        elsewhere = await client.get("/docs")
    async with gateway({}, profile="embedded") as client:
        here = await client.get("/docs")

    assert "credentials.json" not in elsewhere.text
    assert "credentials.json" in here.text


def test_what_is_shipped_is_what_npm_has() -> None:
    """Every file of Swagger UI is the one in the manifest, its licence among them."""
    require_same(hashes_of(shipped()), manifest()["sha256"])

    assert set(shipped()) == set(FILES)
    assert re.fullmatch(r"5\.\d+\.\d+", manifest()["version"])
    assert b"Apache License" in shipped()["LICENSE"]


@pytest.mark.parametrize("change", [{"LICENSE": "0"}, {"new.js": "0"}, {"NOTICE": None}], ids=["other", "more", "less"])
def test_another_file_is_refused(change: dict[str, str | None]) -> None:
    """The negative control: changed, added and missing files are named."""
    found = {name: digest for name, digest in {**manifest()["sha256"], **change}.items() if digest is not None}

    with pytest.raises(Different, match=next(iter(change))):
        require_same(found, manifest()["sha256"])
