"""Every example of the Python client's README runs, against a real server, as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest
import soundfile

from tests.clients.programs import Server, build_folder
from tests.clients.python.environment import Environment, with_frameworks
from tests.conftest import ROOT
from tests.support.certificates import Authority

# They share a server with the tests of other clients.
pytestmark = [pytest.mark.toolchain, pytest.mark.timeout(900)]

README = (ROOT / "clients" / "python" / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
OF_FRAMEWORKS = ("livekit", "pipecat")

BEFORE = """
import os, amira_client.client, amira_client.microphone.microphone
from amira_client.microphone import playback
given = dict(os.environ)
init = amira_client.client.AmiraClient.__init__
def at_the_tests_server(self, target, **options):
    target = target.replace("127.0.0.1:50051", given["SERVER"])
    if "127.0.0.1" in target:
        options["api_key"] = given["KEY"]
    init(self, target, **options)
amira_client.client.AmiraClient.__init__ = at_the_tests_server
spoken = playback("speech.wav", speed=8, silence_after_s=2)
amira_client.microphone.microphone.Microphone.__init__.__kwdefaults__["open_capture"] = spoken
"""
"""The server has another address and wants a key; nobody speaks to the machine."""


def runs_with(block: str) -> str:
    """The framework whose package it imports, if any."""
    return next((name for name in OF_FRAMEWORKS if f"from {name}." in block), "")


@pytest.fixture(scope="module")
def desk(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples name."""
    folder = tmp_path_factory.mktemp("desk")
    samples, rate_hz = soundfile.read(server.wav, dtype="int16")
    soundfile.write(folder / "speech.flac", samples, rate_hz)
    with wave.open(str(server.wav)) as speech:
        (folder / "speech.pcm").write_bytes(speech.readframes(speech.getnframes()))
    (folder / "speech.wav").write_bytes(server.wav.read_bytes())
    authority = Authority(folder)
    pair = authority.issue("client")
    for name, path in (("ca.pem", authority.ca), ("client.pem", pair.cert), ("client.key", pair.key)):
        (folder / name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture(scope="module")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return with_frameworks(build_folder("python"), tmp_path_factory.mktemp("wheels"))


def said_by(block: str, server: Server, desk: Path, python: Path) -> str:
    environment = {"SERVER": server.address, "KEY": server.key}
    done = subprocess.run(
        [python, "-W", "error::ResourceWarning", "-c", BEFORE + block], cwd=desk, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def example(words: str) -> str:
    """The one that has these words in it."""
    (block,) = (block for block in BLOCKS if words in block)
    return block


@pytest.mark.parametrize(
    "words", ['with SyncClient("127.0.0.1:50051") as client:\n    print(', "async def main", "Resuming("]
)
def test_recordings(words: str, server: Server, desk: Path) -> None:
    said = said_by(example(words), server, desk, Path(sys.executable))
    assert said.strip() == " ".join(server.finals)


def test_words_while_they_are_spoken(server: Server, desk: Path) -> None:
    said = said_by(example("case Interim("), server, desk, Path(sys.executable)).splitlines()
    finals = [line for line in said if not line.startswith(("...", "silence"))]
    assert [line.partition(" [(")[0] for line in finals] == server.finals
    assert any(re.fullmatch(r"\.\.\. .+ \[.*\]", line) for line in said)
    assert sum(line.startswith("silence from") for line in said) == len(finals)


def test_the_microphone(server: Server, desk: Path) -> None:
    said = said_by(example("Microphone()"), server, desk, Path(sys.executable)).splitlines()
    assert [re.sub(r" \(-?[\d.]+ s ago\)$", "", line) for line in said] == server.finals


def test_a_stream_of_ones_own(server: Server, desk: Path) -> None:
    said = said_by(example("stream.update_config"), server, desk, Path(sys.executable)).splitlines()
    assert said == [*server.finals, "decoded: all of it"]


def test_errors(server: Server, desk: Path) -> None:
    said = said_by(example("no-such-model"), server, desk, Path(sys.executable))
    assert said.startswith("UNKNOWN_MODEL None No model 'no-such-model' here")


def test_keys_tls_and_proxies_are_taken(server: Server, desk: Path) -> None:
    assert said_by(example("RefreshingToken(fetch_token)"), server, desk, Path(sys.executable)) == ""


@pytest.mark.parametrize("framework", OF_FRAMEWORKS)
def test_voice_agents(framework: str, server: Server, desk: Path, frameworks: Environment) -> None:
    (block,) = (block for block in BLOCKS if runs_with(block) == framework)
    said_by(block, server, desk, frameworks.python)


def test_no_example_is_left_out() -> None:
    known = [
        "print(client.transcribe",
        "async def main",
        "case Interim(",
        "Microphone()",
        "update_config",
        "no-such-model",
    ]
    known += ["RefreshingToken(", *(f"from {name}." for name in OF_FRAMEWORKS)]
    assert all(any(words in block for words in known) for block in BLOCKS)
    assert len(BLOCKS) == 10
