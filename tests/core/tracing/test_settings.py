"""Where traces go and which, by OpenTelemetry's own variables; off, and at no cost, without an endpoint."""

from __future__ import annotations

import subprocess
import sys

import pytest

from amira_core.settings import BadSettingsError, load_settings
from amira_core.tracing.process import configure_tracing
from amira_core.tracing.settings import TracingSettings


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317"}, "http://a:4317"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "a:4317"}, "http://a:4317"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://a:4317"}, "https://a:4317"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "a:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b:2"},
            "http://b:2",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4317", "OTEL_SDK_DISABLED": "true"}, ""),
    ],
)
def test_endpoint(environment: dict[str, str], endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings(TracingSettings).endpoint == endpoint


@pytest.mark.parametrize(
    ("sampler", "argument", "ratio", "heeds_parent"),
    [
        (None, None, 1.0, True),
        ("parentbased_traceidratio", "0.25", 0.25, True),
        ("traceidratio", "0.25", 0.25, False),
        ("always_on", "0.25", 1.0, False),
        ("parentbased_always_off", "0.25", 0.0, True),
    ],
)
def test_sampler(
    sampler: str | None,
    argument: str | None,
    ratio: float,
    heeds_parent: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if sampler is not None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    if argument is not None:
        monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    settings = load_settings(TracingSettings)
    assert settings.ratio == ratio
    assert settings.heeds_parent is heeds_parent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("AMIRA_TRACE_SLOW_MS", "soon"),
    ],
)
def test_what_cannot_be_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettingsError, match=name):
        load_settings(TracingSettings)


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), ("OTEL_BSP_MAX_QUEUE_SIZE", "-1")]
)
def test_what_opentelemetry_cannot_use_is_no_crash(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    settings = TracingSettings(otel_exporter_otlp_endpoint="http://127.0.0.1:4317")
    with pytest.raises(BadSettingsError, match="OTEL_"):
        configure_tracing("amira-test", settings)


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_an_endpoint_nothing_of_opentelemetry_is_loaded() -> None:
    done = run(
        "import sys\n"
        "from amira_core.tracing.process import client_interceptors, configure_tracing, server_interceptors\n"
        "from amira_core.tracing.stream import NO_TRACE, stream_trace\n"
        "import amira_core.rpc.server\n"
        "configure_tracing('amira-test')\n"
        "assert server_interceptors() == [] and client_interceptors() is None\n"
        "assert stream_trace() is NO_TRACE and stream_trace().begin('part') is NO_TRACE\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    assert done.returncode == 0, done.stderr


def test_an_endpoint_without_opentelemetry_says_what_to_install() -> None:
    done = run(
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from amira_core.settings import BadSettingsError\n"
        "from amira_core.tracing.process import configure_tracing\n"
        "try:\n"
        "    configure_tracing('amira-test')\n"
        "except BadSettingsError as error:\n"
        "    print(error)\n",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317",
    )
    assert done.returncode == 0, done.stderr
    assert "amira-asr[tracing]" in done.stdout
