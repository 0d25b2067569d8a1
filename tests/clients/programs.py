"""Client programs in any language: where they are built, and what each of them must do.

``PROGRAM HOST:PORT FILE.wav`` streams 16-bit mono samples and prints the text of every final on a line of its
own to stdout. It exits with 0; where the call fails, it says the status on stderr and exits with 1.
``AMIRA_API_KEY`` in the environment goes along as the key.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from amira_local.ports import free_ports
from tests.conftest import ROOT

CLIENTS = ROOT / "clients"
RUN_TIMEOUT_S = 120.0
BUILD_TIMEOUT_S = 800.0


@dataclass(frozen=True)
class Server:
    """A running server that wants a key, a recording, and what the Python client says of it."""

    address: str
    """HOST:PORT, plaintext."""
    key: str
    """An API key that the server takes."""
    wav: Path
    """Real speech: 16-bit mono WAV, 16 kHz."""
    finals: list[str]
    """The texts of the finals that the Python client gets for `wav`, in order."""


def need(*programs: str) -> None:
    """Skips the test, saying so, unless all programs are on the PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def build_folder(language: str) -> Path:
    """``build/clients/LANGUAGE``: not in git, and kept, so that the next build is quick."""
    folder = ROOT / "build" / "clients" / language
    folder.mkdir(parents=True, exist_ok=True)
    return folder


_UNREACHABLE = re.compile(
    r"could not resolve host|dns error|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH"
    r"|dial tcp|module lookup disabled|network is unreachable|unknown host|could not transfer artifact"
    r"|failed to establish a new connection|no matching distribution found",
    re.IGNORECASE,
)


def build(command: list[str], folder: Path, **environment: str) -> None:
    """Runs a build in `folder`; its output is the message of the failure.

    Skips the test, saying so, where a registry cannot be reached.
    """
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, timeout=BUILD_TIMEOUT_S,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if ran.returncode:
        skip_unless_reachable(ran.stdout)
        pytest.fail(f"{' '.join(command)} ended with {ran.returncode}:\n{ran.stdout[-4000:]}")


def skip_unless_reachable(said: str) -> None:
    """Skips the test, saying so, where a build says that packages cannot be fetched."""
    if found := _UNREACHABLE.search(said):
        pytest.skip(f"packages cannot be fetched: {found[0]}")


def run(command: list[str], *, key: str | None) -> subprocess.CompletedProcess[str]:
    """Runs a client program with `key` in its environment."""
    environment = {name: value for name, value in os.environ.items() if name != "AMIRA_API_KEY"}
    if key is not None:
        environment["AMIRA_API_KEY"] = key
    return subprocess.run(
        command, env=environment, timeout=RUN_TIMEOUT_S, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def transcript_of(command: list[str], *, key: str | None = None) -> list[str]:
    """What ``[*PROGRAM, HOST:PORT, FILE.wav]`` prints: the finals. It must succeed."""
    ran = run(command, key=key)
    assert ran.returncode == 0, f"status {ran.returncode}: {ran.stderr[-4000:]}"
    return ran.stdout.splitlines()


def complaint_of(command: list[str], *, key: str | None = None) -> str:
    """What a client that must fail says on stderr."""
    ran = run(command, key=key)
    assert ran.returncode == 1, f"status {ran.returncode}: {ran.stdout}{ran.stderr[-4000:]}"
    assert ran.stdout == ""
    return ran.stderr


def names_status(complaint: str, name: str, number: int) -> bool:
    """Whether a complaint names a gRPC status, as ``NOT_FOUND``, ``NotFound`` or 5."""
    plain = complaint.lower().replace("_", "")
    return name.lower().replace("_", "") in plain or re.search(rf"\b{number}\b", complaint) is not None


class ClientContract:
    """What holds for the client of every language: a subclass gives `program`, the command to run it."""

    def test_it_prints_the_finals_that_python_gets(self, program: list[str], server: Server) -> None:
        assert transcript_of([*program, server.address, str(server.wav)], key=server.key) == server.finals

    def test_without_a_key_it_says_the_status_and_the_servers_advice(
        self, program: list[str], server: Server
    ) -> None:
        complaint = complaint_of([*program, server.address, str(server.wav)])
        assert names_status(complaint, "UNAUTHENTICATED", 16), complaint
        assert "authorization: Bearer" in complaint

    def test_it_says_that_nobody_is_there(self, program: list[str], server: Server) -> None:
        (port,) = free_ports(1)
        complaint = complaint_of([*program, f"127.0.0.1:{port}", str(server.wav)], key=server.key)
        assert names_status(complaint, "UNAVAILABLE", 14), complaint

    def test_it_says_that_a_file_is_no_wav(self, program: list[str], server: Server, tmp_path: Path) -> None:
        other = tmp_path / "speech.wav"
        other.write_bytes(b"not RIFF at all, but long enough to look like a header of forty-four bytes")
        complaint = complaint_of([*program, server.address, str(other)], key=server.key)
        assert "wav" in complaint.lower()
