"""Telemetry is off unless somebody configures it, and then costs nothing."""

import subprocess
import sys
from collections.abc import Mapping

import pytest
from promenade_chassis.config import TelemetrySettings
from promenade_chassis.telemetry.spans import tracer_of
from promenade_chassis.telemetry.start import is_configured, start_telemetry
from promenade_chassis.testing.collector import running_collector

# Everything a service imports, a start without an endpoint, and a request with its span, statement and log line.
A_SERVICE_WITHOUT = """
import asyncio, sys
import promenade_chassis.command_line, promenade_chassis.events.worker, promenade_chassis.service
from promenade_chassis.config import TelemetrySettings
from promenade_chassis.telemetry.start import start_telemetry
from promenade_chassis.testing.clients import client_of
from promenade_chassis.testing.fakes import FakeVerifier
from tiny_service import TINY, Bench, tiny_app

telemetry = start_telemetry(TelemetrySettings(), ["tiny"], {})

async def ask():
    async with client_of(tiny_app(Bench(), FakeVerifier())) as client:
        return (await client.get(f"{TINY}/public")).status_code

print(asyncio.run(ask()), sorted(name for name in sys.modules if name.startswith("opentelemetry")), file=sys.stderr)
telemetry.stop()
"""


def test_a_service_without_it_imports_nothing_of_opentelemetry() -> None:
    """Neither the SDK nor the API: together a quarter of a second of its start."""
    folders = [path for path in sys.path if path]
    script = f"import sys; sys.path[:0] = {folders!r}\n{A_SERVICE_WITHOUT}"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=180)

    assert done.stderr.splitlines()[-1] == "200 []", done.stderr


@pytest.mark.parametrize(
    ("endpoint", "environ", "configured"),
    [
        ("", {}, False),
        ("http://collector:4318", {}, True),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ("", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ("", {"OTEL_SERVICE_NAME": "tea"}, False),
        ("http://collector:4318", {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_it_is_on_when_there_is_a_collector_to_send_to(
    endpoint: str, environ: Mapping[str, str], *, configured: bool
) -> None:
    """By our configuration or by the standard's variables, which may switch it off as well."""
    assert is_configured(TelemetrySettings(endpoint=endpoint), environ) is configured


def test_two_contexts_of_one_process_are_told_apart() -> None:
    """Each under its own name, with the headers that the collector asks for."""
    with running_collector() as collector:
        settings = TelemetrySettings(endpoint=collector.url + "/", headers="api-key=s3cret, tenant=7")
        telemetry = start_telemetry(settings, ["tea", "milk"], {"OTEL_METRICS_EXPORTER": "none"})
        for context in ("tea", "milk"):
            found = tracer_of(context)
            assert found is not None
            found.begin(f"{context} is poured", "internal").end()
        telemetry.stop()

    assert {span.service: span.name for span in collector.spans()} == {"tea": "tea is poured", "milk": "milk is poured"}
    assert [(sent["api-key"], sent["tenant"]) for sent in collector.headers] == [("s3cret", "7")]
    assert tracer_of("tea") is None


def test_the_standards_variables_are_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, headers, name, resource and sampler."""
    with running_collector() as collector:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=standard",
            "OTEL_SERVICE_NAME": "teapot",
            "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        telemetry = start_telemetry(TelemetrySettings(), ["tea"], environ)
        tracer = tracer_of("tea")
        assert tracer is not None
        tracer.begin("unsampled", "internal").end()
        tracer.begin("sampled", "server", parent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").end()
        telemetry.stop()

    assert [(span.service, span.name) for span in collector.spans()] == [("teapot", "sampled")]
    assert {sent["api-key"] for sent in collector.headers} == {"standard"}
    assert collector.metric("teapot", "promenade_spans_dropped_total") is not None
