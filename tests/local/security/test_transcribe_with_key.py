"""`amira transcribe` in front of a server with TLS and keys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from amira_core.security.server_tls import ServerTls
from amira_core.security.transport import Transport
from amira_local.cli import app
from tests.gateway.access.door import SECRET_WORDS, add_key, door
from tests.support.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def key(tmp_path: Path) -> str:
    return add_key(tmp_path / "keys.json")


@pytest.fixture
def server(authority: Authority, key: str, tmp_path: Path) -> Iterator[str]:
    """A server with TLS and keys in a thread of its own, as the command has a loop of its own."""
    pair = authority.issue("gateway")
    target: Future[str] = Future()
    stop: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        tls = Transport(server=ServerTls(pair.cert, pair.key))
        over = asyncio.Event()
        stop.set_result((asyncio.get_running_loop(), over))
        async with door(transport=tls, api_keys_file=tmp_path / "keys.json") as scripted:
            target.set_result(scripted.target)
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    yield target.result(10)
    loop, over = stop.result(10)
    loop.call_soon_threadsafe(over.set)
    thread.join(10)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.wav"
    soundfile.write(path, np.zeros(1600, np.int16), 16000)
    return path


def transcribe(clip: Path, server: str, *options: str, key: str | None = None) -> Result:
    environment = {"AMIRA_API_KEY": key, "COLUMNS": "300"}
    return CliRunner().invoke(app, ["transcribe", str(clip), "--server", server, *options], env=environment)


def test_with_the_key_and_the_authority(server: str, authority: Authority, key: str, clip: Path) -> None:
    for options, in_environment in ((["--api-key", key], None), ([], key)):
        done = transcribe(clip, server, "--ca", str(authority.ca), *options, key=in_environment)
        assert done.exit_code == 0, done.output
        assert SECRET_WORDS in done.output


def test_without_either_it_says_what_is_missing(
    server: str, authority: Authority, key: str, clip: Path
) -> None:
    keyless = transcribe(clip, server, "--ca", str(authority.ca))
    assert keyless.exit_code == 1
    assert "UNAUTHENTICATED" in keyless.output
    plain = transcribe(clip, server, key=key)
    assert plain.exit_code == 1
    assert "if it speaks TLS" in plain.output
    distrustful = transcribe(clip, server, "--tls", key=key)
    assert distrustful.exit_code == 1
    assert "not signed by an authority that is trusted here" in distrustful.output


@pytest.mark.parametrize(
    ("server_name", "options", "told"),
    [
        ("asr.example:443", ["--api-key", "amira_x_y"], "unencrypted"),
        ("127.0.0.1:1", ["--ca", "/no/such.pem"], "such.pem"),
        ("127.0.0.1:1", ["--api-key", " "], "empty"),
        ("127.0.0.1:1", ["--tls", "--client-cert", "/no/such.pem"], "go together"),
        (
            "127.0.0.1:1",
            ["--tls", "--client-cert", "/no/such.pem", "--client-key", "/no/such.key"],
            "such.key",
        ),
    ],
)
def test_options_that_cannot_be(clip: Path, server_name: str, options: list[str], told: str) -> None:
    done = transcribe(clip, server_name, *options)
    assert done.exit_code == 2
    assert told in done.output
