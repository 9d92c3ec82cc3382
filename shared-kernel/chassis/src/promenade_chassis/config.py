"""Configuration: one YAML file a profile, environment variables over it.

`${NAME}` and `${NAME:-default}` are replaced from the environment, so that secrets never stand in a file.
`PROMENADE_<SECTION>__<KEY>` overrides any key; `contexts.<name>` holds what differs for one context.
Nothing is overlooked: a key or a section that nobody asks for stops the start, and the message names what was meant.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
import yaml

from promenade_chassis.unknown_keys import hint, in_words, nearest

SectionT = TypeVar("SectionT")

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Z0-9_]+)(?::-(?P<default>[^}]*))?\}")


class ConfigurationError(Exception):
    """The configuration is incomplete or wrong; the message names the key."""


class HttpSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the service listens. `port` 0 takes a free one.

    `cursor_key` signs the cursors of lists and is the same in every replica; `cursor_key_other` is accepted beside it,
    so that a new key can be made known before it signs and the old one stay until its last cursor is used.
    """

    host: str = "127.0.0.1"
    port: int = 8001
    cors_origins: tuple[str, ...] = ()
    max_body_bytes: int = 1024 * 1024
    shutdown_seconds: int = 10
    cursor_key: str = ""
    cursor_key_other: str = ""


class AdminSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where `/metrics` listens. `port` 0 switches it off."""

    host: str = "127.0.0.1"
    port: int = 0


class DatabaseSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The service's own database."""

    url: str
    min_size: int = 1
    max_size: int = 10
    statement_timeout_ms: int = 30_000
    acquire_timeout_seconds: float = 5
    check_connections: bool = True


class RedisSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The Redis or Valkey that carries the streams."""

    url: str = "redis://127.0.0.1:6379/0"


class BusSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which bus adapter carries the events."""

    adapter: Literal["redis", "memory"] = "redis"


class AuthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How access tokens are checked.

    Identity's public keys are read again every `jwks_refresh_seconds`, after a failure or for a key that is not known
    at most every `jwks_retry_seconds`. The same in every process: how long Identity publishes a key before it signs
    follows from them.
    """

    issuer: str
    jwks_url: str
    audience: str = "promenade"
    jwks_cache: str | None = None
    jwks_refresh_seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    jwks_retry_seconds: Annotated[float, msgspec.Meta(gt=0)] = 5.0


class EventsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Retry, lanes and retention of the event backbone. Seconds unless named otherwise.

    `lanes` work side by side, each with a connection; `batch` is how many events share a transaction at most.
    """

    lanes: int = 4
    batch: int = 500
    attempts: int = 8
    backoff_first_ms: int = 200
    backoff_cap_seconds: int = 30
    gap_wait_seconds: float = 10
    outbox_retention_days: int = 7
    stream_retention_days: int = 7
    inbox_retention_days: int = 30


class TelemetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """OpenTelemetry over OTLP (HTTP, protobuf); off without an endpoint. What is not said here, OTEL_* says.

    `endpoint` is the collector's base URL (`http://collector:4318`), `headers` what it asks for as `key=value,…`: from
    the environment, never from a file. `sampling` is the share of new traces that is recorded, 0 to 1. `service` is
    the name in traces, by default that of the context. Every `metrics_seconds` the metrics are sent; 0 sends none.
    """

    endpoint: str = ""
    headers: str = ""
    sampling: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    service: str = ""
    metrics_seconds: Annotated[int, msgspec.Meta(ge=0)] = 60
    queue: Annotated[int, msgspec.Meta(ge=1)] = 2048
    shutdown_seconds: int = 2


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Structured logs: JSON lines, or text for people."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every service reads. A service's own sections stand in `extra`; those it has asked for are in `asked`.

    `from_environment` are sections that only the environment names: it is shared with services that know them.
    """

    profile: str
    auth: AuthSettings
    http: HttpSettings = HttpSettings()
    admin: AdminSettings = AdminSettings()
    database: DatabaseSettings = DatabaseSettings(url="")
    redis: RedisSettings = RedisSettings()
    bus: BusSettings = BusSettings()
    events: EventsSettings = EventsSettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    extra: dict[str, Any] = {}
    asked: set[str] = msgspec.field(default_factory=set[str])
    from_environment: frozenset[str] = frozenset()


_SHARED = {field.name for field in msgspec.structs.fields(Settings)} - {"extra", "asked", "from_environment"}


def load_settings(context: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the profile named by PROMENADE_PROFILE (default `embedded`) for one context.

    Raises `ConfigurationError` naming what is missing or wrong.
    """
    profile = environ.get("PROMENADE_PROFILE", "embedded")
    path = _profile_path(profile, environ)
    raw = cast("dict[str, Any]", yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    contexts = cast("dict[str, Any]", raw.pop("contexts", {}))
    # Order and customer management are alike, too.
    if context not in contexts and (meant := nearest(context, contexts, likeness=0.9)):
        raise ConfigurationError(f"{path.name}: contexts names no {context}, but {meant}")
    merged = _merge(raw, cast("dict[str, Any]", contexts.get(context, {})))
    in_file = frozenset(merged)
    _override(merged, environ)
    extra = {key: merged.pop(key) for key in list(merged) if key not in _SHARED}
    named = {"profile": profile, "extra": extra, "from_environment": list(extra.keys() - in_file)}
    plain = _substitute({**merged, **named}, environ)
    try:
        return msgspec.convert(plain, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path.name}, context {context}: {in_words(error, Settings)}") from error


def section(settings: Settings, name: str, kind: type[SectionT]) -> SectionT:
    """A service's own section of the configuration as a struct, which must refuse unknown keys."""
    config: Any = getattr(kind, "__struct_config__", None)
    if config is None or not config.forbid_unknown_fields:
        raise TypeError(f"{kind.__name__} would overlook unknown keys: forbid_unknown_fields=True")
    settings.asked.add(name)
    try:
        return msgspec.convert(settings.extra.get(name, {}), kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"section {name}: {in_words(error, kind)}") from error


def refuse_unasked(settings: Settings) -> None:
    """Raise `ConfigurationError` for sections that the service, now built, has not asked for."""
    known = _SHARED | settings.asked
    for name in sorted(settings.extra.keys() - settings.asked):
        if name not in settings.from_environment or nearest(name, known, likeness=0.75):
            raise ConfigurationError(f"unknown section {name}; {hint(name, known)}")


def _profile_path(profile: str, environ: Mapping[str, str]) -> Path:
    named = environ.get("PROMENADE_CONFIG_DIR")
    here = Path.cwd()
    folders = [Path(named)] if named else [folder / "config" for folder in (here, *here.parents)]
    for folder in folders:
        path = folder / f"{profile}.yaml"
        if path.is_file():
            return path
    raise ConfigurationError(f"no {profile}.yaml in {', '.join(str(folder) for folder in folders[:3])}")


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        mine = merged.get(key)
        both = isinstance(mine, dict) and isinstance(value, dict)
        merged[key] = _merge(cast("dict[str, Any]", mine), cast("dict[str, Any]", value)) if both else value
    return merged


def _override(merged: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name, value in environ.items():
        if not name.startswith("PROMENADE_") or "__" not in name:
            continue
        group, key = name.removeprefix("PROMENADE_").lower().split("__", 1)
        merged[group] = {**cast("dict[str, Any]", merged.get(group) or {}), key: _parsed(value)}


def _parsed(value: str) -> Any:
    """Lists and objects are written as JSON; a password may begin like one."""
    if not value.startswith(("{", "[")):
        return value
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value


def _substitute(value: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _lookup(match, environ), value)
    if isinstance(value, dict):
        return {key: _substitute(item, environ) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_substitute(item, environ) for item in cast("list[Any]", value)]
    return value


def _lookup(match: re.Match[str], environ: Mapping[str, str]) -> str:
    default: str | None = match["default"]
    found = environ.get(match["name"])
    if default is not None:
        return found or default  # as the shell's `:-`: empty is as good as unset
    if found is None:
        raise ConfigurationError(f"the environment variable {match['name']} is not set")
    return found
