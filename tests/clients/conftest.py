"""One server, in which nothing is made up, for the clients of all languages."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from amira_client import AmiraClient
from amira_local.options import StackOptions
from tests.clients.programs import Server
from tests.conftest import ROOT
from tests.gateway.access.door import add_key
from tests.support.stack import StackThread

SPEECH = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Gateway, frontend and decoder with the bundled model; 19 s of speech as a WAV file."""
    folder = tmp_path_factory.mktemp("clients")
    keys, wav = folder / "keys.json", folder / "speech.wav"
    key = add_key(keys)
    samples, rate_hz = soundfile.read(SPEECH, dtype="int16")
    wav.write_bytes(_wav(samples.tobytes(), rate_hz))
    options = StackOptions(
        ephemeral_ports=True,
        encoder="in_process",
        search="greedy",
        env={"AMIRA_GATEWAY_API_KEYS_FILE": str(keys)},
    )
    with StackThread(options) as running:
        address = running.stack.gateway_target
        yield Server(address, key, wav, asyncio.run(_finals(address, key, wav)))


def _wav(pcm: bytes, rate_hz: int) -> bytes:
    """A WAV file with a chunk of odd length before the samples: a header need not have 44 bytes."""
    chunks = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16)
    chunks += b"note" + struct.pack("<I", 5) + b"Jane\0" + b"\0"
    chunks += b"data" + struct.pack("<I", len(pcm)) + pcm
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


async def _finals(address: str, key: str, wav: Path) -> list[str]:
    async with AmiraClient(address, api_key=key) as client:
        transcript = await client.transcribe(wav)
    finals = [final.alternatives[0].text for final in transcript.finals]
    assert len(finals) > 1, "a recording with one final shows little"
    return finals
