"""Configuration: a profile, what one context has of its own, and the environment over both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from promenade_chassis.config import ConfigurationError, Settings, load_settings, refuse_unasked, section

PROFILE = """
auth: { issuer: "http://127.0.0.1:8000", jwks_url: "http://127.0.0.1:8001/jwks.json" }
http: { host: 127.0.0.1, port: 8000 }
database: { url: "postgresql://${DB_USER:-nobody}:${DB_PASSWORD}@localhost/x" }
limits: { rate: 5 }
contexts:
  billing:
    http: { port: 8004 }
    provider: { name: simulated, secret: "${PROVIDER_SECRET:-}" }
  identity:
    http: { port: 8001 }
"""


class Provider(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    secret: str = ""
    timeout: int = 3


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment whose configuration is PROFILE, as the profile `test`."""
    (tmp_path / "test.yaml").write_text(PROFILE, encoding="utf-8")
    return {"PROMENADE_CONFIG_DIR": str(tmp_path), "PROMENADE_PROFILE": "test", "DB_PASSWORD": "s3cret"}


def test_a_context_differs_where_it_says_so(environ: dict[str, str]) -> None:
    """What stands under a context's name is merged over what all share, key by key."""
    settings = load_settings("billing", environ)

    assert (settings.profile, settings.http.host, settings.http.port) == ("test", "127.0.0.1", 8004)
    assert settings.extra == {"limits": {"rate": 5}, "provider": {"name": "simulated", "secret": ""}}


def test_another_contexts_keys_are_not_there(environ: dict[str, str]) -> None:
    """One service never sees another's section."""
    settings = load_settings("identity", environ)

    assert settings.http.port == 8001
    assert "provider" not in settings.extra


def test_variables_are_filled_in(environ: dict[str, str]) -> None:
    """`${NAME}` comes from the environment, `${NAME:-default}` may be missing or empty there."""
    environ["DB_USER"] = ""

    assert load_settings("billing", environ).database.url == "postgresql://nobody:s3cret@localhost/x"
    environ["DB_USER"] = "billing"
    assert load_settings("billing", environ).database.url == "postgresql://billing:s3cret@localhost/x"


def test_a_missing_variable_is_named(environ: dict[str, str]) -> None:
    """A service without its secret does not start, and says which it lacks."""
    del environ["DB_PASSWORD"]

    with pytest.raises(ConfigurationError, match="DB_PASSWORD"):
        load_settings("billing", environ)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("PROMENADE_HTTP__PORT", "9000", lambda settings: settings.http.port == 9000),
        ("PROMENADE_HTTP__HOST", "::", lambda settings: settings.http.host == "::"),
        (
            "PROMENADE_HTTP__CORS_ORIGINS",
            '["https://a.example"]',
            lambda s: s.http.cors_origins == ("https://a.example",),
        ),
        ("PROMENADE_EVENTS__LANES", "8", lambda settings: settings.events.lanes == 8),
        ("PROMENADE_BUS__ADAPTER", "memory", lambda settings: settings.bus.adapter == "memory"),
        ("PROMENADE_DATABASE__CHECK_CONNECTIONS", "false", lambda s: s.database.check_connections is False),
        ("PROMENADE_PROVIDER__TIMEOUT", "9", lambda s: s.extra["provider"]["timeout"] == "9"),
        ("PROMENADE_PROVIDER__SECRET", "[not json", lambda s: s.extra["provider"]["secret"] == "[not json"),
    ],
)
def test_the_environment_has_the_last_word(
    environ: dict[str, str], name: str, value: str, read: Callable[[Settings], bool]
) -> None:
    """PROMENADE_<SECTION>__<KEY> replaces one key and leaves the others of its section alone."""
    settings = load_settings("billing", {**environ, name: value})

    assert read(settings)
    assert settings.auth.issuer == "http://127.0.0.1:8000"
    assert settings.extra["provider"]["name"] == "simulated"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROMENADE_HTTP__PORT", "many"),
        ("PROMENADE_HTTP__COLOUR", "red"),
        ("PROMENADE_BUS__ADAPTER", "pigeon"),
        ("PROMENADE_LOG__LEVEL", "loud"),
    ],
)
def test_what_is_wrong_is_named(environ: dict[str, str], name: str, value: str) -> None:
    """An unknown key or an impossible value stops the start, and says where it stands."""
    key = name.rpartition("__")[2].lower()

    with pytest.raises(ConfigurationError, match=rf"test\.yaml, context billing: .*{key}"):
        load_settings("billing", {**environ, name: value})


def test_a_missing_profile_says_where_it_was_looked_for(environ: dict[str, str], tmp_path: Path) -> None:
    """The message names the file and the folder."""
    with pytest.raises(ConfigurationError, match=rf"no prod\.yaml in {tmp_path}"):
        load_settings("billing", {**environ, "PROMENADE_PROFILE": "prod"})


def test_a_profile_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PROMENADE_CONFIG_DIR the nearest `config` folder upwards is used, and the profile is `embedded`."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "embedded.yaml").write_text(PROFILE, encoding="utf-8")
    below = tmp_path / "services" / "billing"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    assert load_settings("billing", {"DB_PASSWORD": "x"}).profile == "embedded"


def test_a_services_own_section_is_typed(environ: dict[str, str]) -> None:
    """Texts of the environment become numbers; what is missing takes its default or is named."""
    settings = load_settings("billing", {**environ, "PROMENADE_PROVIDER__TIMEOUT": "9"})

    assert section(settings, "provider", Provider) == Provider("simulated", "", 9)
    with pytest.raises(ConfigurationError, match=r"section mail: .*name"):
        section(settings, "mail", Provider)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PROMENADE_HTTP__PROT", "unknown key `prot` in http; did you mean `port`?"),
        ("PROMENADE_DATABASE__URI", "unknown key `uri` in database; did you mean `url`?"),
        ("PROMENADE_BUS__COLOUR", "unknown key `colour` in bus; known are adapter"),
    ],
)
def test_an_unknown_key_names_the_one_that_was_meant(environ: dict[str, str], name: str, words: str) -> None:
    """Or, where none looks like it, those that there are."""
    with pytest.raises(ConfigurationError) as refusal:
        load_settings("billing", {**environ, name: "x"})

    assert str(refusal.value) == f"test.yaml, context billing: {words}"


class Smtp(msgspec.Struct, forbid_unknown_fields=True):
    host: str


class Mail(msgspec.Struct, forbid_unknown_fields=True):
    smtp: Smtp | None = None


def test_an_unknown_key_of_a_services_own_section_is_explained(environ: dict[str, str]) -> None:
    """However deep it stands."""
    settings = load_settings("billing", {**environ, "PROMENADE_MAIL__SMTP": '{"hots": "x"}'})

    with pytest.raises(ConfigurationError) as refusal:
        section(settings, "mail", Mail)

    assert str(refusal.value) == "section mail: unknown key `hots` in smtp; did you mean `host`?"


def test_a_section_that_would_overlook_keys_is_no_section(environ: dict[str, str]) -> None:
    """Strict by construction: its struct has to refuse what it does not know."""

    class Lax(msgspec.Struct):
        name: str = ""

    with pytest.raises(TypeError, match="forbid_unknown_fields"):
        section(load_settings("billing", environ), "provider", Lax)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        pytest.param({}, "unknown section limits; known are .*http.*, provider, .*", id="in the file"),
        pytest.param(
            {"PROMENADE_PROVIDRE__NAME": "x"}, "unknown section providre; did you mean `provider`", id="misspelt"
        ),
        pytest.param({"PROMENADE_HTPP__PORT": "1"}, "unknown section htpp; did you mean `http`", id="nearly shared"),
    ],
)
def test_a_section_nobody_asks_for_is_refused(environ: dict[str, str], environment: dict[str, str], words: str) -> None:
    """The service that was built knows all its sections."""
    settings = load_settings("billing", {**environ, **environment})
    section(settings, "provider", Provider)
    if environment:
        settings.asked.add("limits")

    with pytest.raises(ConfigurationError, match=words):
        refuse_unasked(settings)


def test_what_the_environment_says_to_other_services_is_theirs(environ: dict[str, str]) -> None:
    """One environment may serve several; what looks like nothing of ours is not for us."""
    settings = load_settings("billing", {**environ, "PROMENADE_GATEWAY__RATE_LIMIT_FACTOR": "7"})
    section(settings, "provider", Provider)
    settings.asked.add("limits")

    refuse_unasked(settings)

    assert settings.extra["gateway"] == {"rate_limit_factor": "7"}


def test_a_misspelt_context_is_noticed(environ: dict[str, str], tmp_path: Path) -> None:
    """Otherwise all that stands under it would be overlooked."""
    (tmp_path / "test.yaml").write_text(PROFILE.replace("  billing:", "  biling:"), encoding="utf-8")

    with pytest.raises(ConfigurationError, match="contexts names no billing, but biling"):
        load_settings("billing", environ)


@pytest.mark.parametrize("key", ["asked", "extra", "from_environment"])
def test_what_settings_remember_for_themselves_is_no_section(environ: dict[str, str], tmp_path: Path, key: str) -> None:
    """A file cannot write into it."""
    (tmp_path / "test.yaml").write_text(f"{PROFILE}\n{key}: [x]\n", encoding="utf-8")

    assert load_settings("billing", environ).extra[key] == ["x"]
