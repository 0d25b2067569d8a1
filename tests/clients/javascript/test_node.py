"""The client in Node over gRPC, real speech: the words are Python's, whatever is cut or killed."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from amira_client import AmiraClient, AudioEncoding, RecognitionConfig
from tests.clients.javascript.gateways import Doors, gateway_process
from tests.gateway.access.door import add_key
from tests.gateway.web.page.test_in_chromium import Wire
from tests.support.spoken import CLIP, Spoken, clip, clip_file

pytestmark = pytest.mark.toolchain
RATE_HZ = 16_000
SECONDS = 19.0


@asynccontextmanager
async def node(package: Path, *arguments: str, key: str = "") -> AsyncIterator[Process]:
    """The example, which prints finals."""
    process = await asyncio.create_subprocess_exec(
        "node", "examples/transcribe.mjs", *arguments,
        cwd=package, stdin=PIPE if "-" in arguments else DEVNULL, stdout=PIPE, stderr=PIPE,
        env={**os.environ, **({"AMIRA_API_KEY": key} if key else {})},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def finals_of(package: Path, *arguments: str) -> list[str]:
    async with node(package, *arguments) as process:
        out, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return out.decode().splitlines()


async def pythons(target: str, source: Path | bytes) -> list[str]:
    """What the Python client gets."""
    pcm = RecognitionConfig(encoding=AudioEncoding.AUDIO_ENCODING_LINEAR16, sample_rate_hz=RATE_HZ)
    async with AmiraClient(target) as client:
        transcript = await client.transcribe(source, pcm if isinstance(source, bytes) else None)
    return [final.alternatives[0].text for final in transcript.finals]


async def test_files_of_every_kind_have_the_words_that_python_gets(
    package: Path, entrances: Doors, tmp_path: Path
) -> None:
    assert await finals_of(package, entrances.grpc, str(CLIP)) == await pythons(entrances.grpc, CLIP)
    for suffix in ("wav", "ogg"):
        path = clip_file(tmp_path, suffix)
        heard = await finals_of(package, entrances.grpc, str(path))
        assert heard == await pythons(entrances.grpc, path)
        assert "cold hearted" in heard[0]


async def test_what_is_piped_in_has_them_too(package: Path, entrances: Doors) -> None:
    pcm = clip(SECONDS).tobytes()
    async with node(package, entrances.grpc, "-") as process:
        out, complaint = await process.communicate(pcm)
    assert process.returncode == 0, complaint.decode()
    assert out.decode().splitlines() == await pythons(entrances.grpc, pcm)


async def feed(process: Process, pcm: bytes, factor: float) -> None:
    """At a multiple of the pace of speech."""
    assert process.stdin is not None
    step = RATE_HZ // 5
    for start in range(0, len(pcm), step):
        process.stdin.write(pcm[start : start + step])
        await process.stdin.drain()
        await asyncio.sleep(0.1 / factor)
    process.stdin.close()


async def test_a_connection_that_is_cut_twice_costs_no_word(package: Path, entrances: Doors) -> None:
    pcm = clip(SECONDS).tobytes()
    port = int(entrances.grpc.rpartition(":")[2])
    async with Wire(port).open() as wire, node(package, f"127.0.0.1:{wire.port}", "-") as process:
        feeding = asyncio.create_task(feed(process, pcm, 4))
        assert process.stdout is not None
        heard = [(await process.stdout.readline()).decode().strip()]
        wire.cut()
        await asyncio.sleep(0.5)
        wire.cut()
        await feeding
        out, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    assert wire.cuts >= 2
    assert b"goes on" in complaint
    assert heard + out.decode().splitlines() == await pythons(entrances.grpc, pcm)


async def test_a_gateway_that_is_killed_costs_no_word(
    package: Path, spoken: Spoken, entrances: Doors
) -> None:
    pcm = clip(SECONDS).tobytes()
    with gateway_process(spoken) as doomed:
        async with node(package, f"{doomed.doors.grpc},{entrances.grpc}", "-") as process:
            feeding = asyncio.create_task(feed(process, pcm, 4))
            assert process.stdout is not None
            heard = [(await process.stdout.readline()).decode().strip()]
            doomed.process.send_signal(signal.SIGKILL)
            await feeding
            out, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    assert f"goes on at {entrances.grpc}" in complaint.decode()
    assert heard + out.decode().splitlines() == await pythons(entrances.grpc, pcm)


async def test_refusals_are_told_with_what_to_do(
    package: Path, spoken: Spoken, entrances: Doors, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    key = add_key(keys)
    notes, empty = tmp_path / "notes.txt", tmp_path / "empty.wav"
    notes.write_text("no audio at all")
    empty.touch()
    for path, told in ((notes, "not audio"), (empty, "is empty"), (tmp_path / "none.wav", "Cannot read")):
        assert told in await complaint_of(package, entrances.grpc, str(path))
    with gateway_process(spoken, api_keys_file=str(keys)) as closed:
        target = closed.doors.grpc
        assert "apiKey" in await complaint_of(package, target, str(CLIP))
        assert "UNAUTHENTICATED" in await complaint_of(package, target, str(CLIP), key="amira_wrong")
        async with node(package, target, str(CLIP), key=key) as process:
            out, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        assert out.decode().splitlines() == await pythons(entrances.grpc, CLIP)


async def complaint_of(package: Path, *arguments: str, key: str = "") -> str:
    async with node(package, *arguments, key=key) as process:
        out, complaint = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    return complaint.decode()
