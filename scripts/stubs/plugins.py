"""Where protoc's plugins come from: the PATH, or a registry, then kept in a folder."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


class UnavailableError(Exception):
    """A plugin that cannot be had on this machine: why not, and how its users get it."""


class Plugin(Protocol):
    """A program that protoc runs."""

    def executable(self, tools: Path) -> Path:
        """The program, fetched into `tools` if need be. Raises UnavailableError."""
        ...


@dataclass(frozen=True)
class OnPath:
    """Comes with the language's own packages; `get` says how."""

    program: str
    get: str

    def executable(self, tools: Path) -> Path:
        """Where the program is."""
        found = shutil.which(self.program)
        if found is None:
            raise UnavailableError(f"{self.program} is not on the PATH: {self.get}")
        return Path(found)


@dataclass(frozen=True)
class GoTool:
    """A tool that clients/go/go.mod pins."""

    program: str

    def executable(self, tools: Path) -> Path:
        """Where the program is, compiled."""
        _require("go", "install Go 1.24 or newer")
        folder = tools / "go"
        _run(
            ["go", "install", "tool"], cwd=ROOT / "clients" / "go", GOBIN=str(folder), GOFLAGS="-mod=readonly"
        )
        return folder / self.program


@dataclass(frozen=True)
class CargoTool:
    """A program among the crates."""

    program: str
    version: str

    def executable(self, tools: Path) -> Path:
        """Where the program is, compiled (a minute the first time)."""
        _require("cargo", "install Rust 1.85 or newer")
        folder = tools / "rust" / self.version
        program = folder / "bin" / self.program
        if not program.exists():
            command = ["cargo", "install", "--quiet", "--locked", "--root", str(folder), self.program]
            _run([*command, "--version", self.version], CARGO_TARGET_DIR=str(tools / "rust" / "target"))
        return program


@dataclass(frozen=True)
class MavenProgram:
    """A program of Maven Central, compiled for this platform."""

    group: str
    name: str
    version: str

    def executable(self, tools: Path) -> Path:
        """Where the program is."""
        system = {"Linux": "linux", "Darwin": "osx", "Windows": "windows"}.get(platform.system(), "unknown")
        machine = {"aarch64": "aarch_64", "arm64": "aarch_64"}.get(platform.machine(), platform.machine())
        program = _from_maven(f"{self.group}:{self.name}:{self.version}:exe:{system}-{machine}", tools)
        program.chmod(0o755)
        return program


@dataclass(frozen=True)
class MavenJar:
    """A program of Maven Central that Java runs."""

    coordinates: str

    def executable(self, tools: Path) -> Path:
        """Where a script is that runs it."""
        _require("java", "install a JDK, 11 or newer")
        jar = _from_maven(self.coordinates, tools)
        script = jar.with_suffix(".sh")
        script.write_text(f"#!/bin/sh\nexec java -jar '{jar}'\n")
        script.chmod(0o755)
        return script


@dataclass(frozen=True)
class NpmTool:
    """A program that typescript/package-lock.json pins."""

    program: str

    def executable(self, tools: Path) -> Path:
        """Where the program is."""
        _require("npm", "install Node.js 20 or newer")
        folder = tools / "typescript"
        folder.mkdir(parents=True, exist_ok=True)
        locked = HERE / "typescript" / "package-lock.json"
        installed = folder / "package-lock.json"
        program = folder / "node_modules" / ".bin" / self.program
        if not program.exists() or installed.read_bytes() != locked.read_bytes():
            shutil.copy(locked.with_name("package.json"), folder)
            shutil.copy(locked, folder)
            _run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder)
        return program


def _from_maven(coordinates: str, tools: Path) -> Path:
    """The artifact `group:name:version:type:classifier`, copied to `tools`. Raises UnavailableError."""
    _require("mvn", "install Maven")
    _, name, version, kind, classifier = coordinates.split(":")
    copied = tools / "maven" / f"{name}-{version}-{classifier}.{kind}"
    if not copied.exists():
        place = f"-DoutputDirectory={copied.parent}"
        _run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={coordinates}", place])
    return copied


def _require(program: str, get: str) -> None:
    if shutil.which(program) is None:
        raise UnavailableError(f"{program} is not on the PATH: {get}")


def _run(command: list[str], *, cwd: Path | None = None, **environment: str) -> None:
    """Runs a registry's client. Raises UnavailableError with the end of what it printed."""
    ran = subprocess.run(  # noqa: S603 - our own arguments
        command, cwd=cwd, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        last = "\n".join(ran.stdout.strip().splitlines()[-5:])
        raise UnavailableError(f"{' '.join(command)} failed:\n{last}")
