"""A real Prometheus server, from Debian's package or any other; skips where there is none."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from amira_local.ports import free_ports

PATIENCE_S = 90


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; skips the test where it is not."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} here: apt-get install prometheus")
    return found


class Prometheus:
    """``with Prometheus(folder, config) as server: server.query("up")``."""

    def __init__(self, folder: Path, config: str) -> None:
        """`config` is a YAML file's text; rule files in it are relative to `folder`."""
        self._program = program("prometheus")
        self._folder = folder
        (folder / "prometheus.yml").write_text(config)
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        log = (self._folder / "prometheus.log").open("wb")
        self._process = subprocess.Popen(
            [
                self._program,
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address={self.address}",
                "--enable-feature=exemplar-storage",
            ],
            stdout=log,
            stderr=log,
        )
        log.close()
        self._until_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query. Raises AssertionError with Prometheus' complaint."""
        answer = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        assert answer["status"] == "success", (expression, answer)
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def value(self, expression: str) -> float:
        """The one number that an expression gives."""
        ((_, value),) = (series["value"] for series in self.query(expression))
        return float(value)

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes, with health and last error."""
        active: list[dict[str, Any]] = self._get("/api/v1/targets")["data"]["activeTargets"]
        return active

    def metadata(self) -> dict[str, list[dict[str, str]]]:
        """Type, help and unit of each metric that it has seen."""
        data: dict[str, list[dict[str, str]]] = self._get("/api/v1/metadata")["data"]
        return data

    def rules(self) -> list[dict[str, Any]]:
        """All rules with their health."""
        groups = self._get("/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, path: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=60) as response:
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as refusal:
            answer = json.load(refusal)
        return answer

    def _until_ready(self) -> None:
        ended_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < ended_at:
            try:
                urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=10).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise TimeoutError((self._folder / "prometheus.log").read_text())
