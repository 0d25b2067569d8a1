"""Each system that runs here hears the bundled recording through the load test; figures hold together."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from amira_local.ports import free_ports
from benchmarks import peers
from benchmarks.load import measures
from benchmarks.load.level import LoadError, play
from benchmarks.load.schedule import Turn
from benchmarks.load.wire import Tape
from benchmarks.machine import processes_below
from benchmarks.recordings import bundled, load, pool
from benchmarks.systems import deepgram
from benchmarks.systems.base import Server, UnavailableError
from benchmarks.systems.remote import vendors
from benchmarks.systems.sherpa import SherpaPython, SherpaTuning, SherpaWebSocket

TURNS = [Turn(0.0, 0, 0), Turn(0.1, 0, 1)]
WINDOW = (0.0, 3.0)


def server_of(kind: str, model_dir: Path) -> Server:
    numbers = peers.geometry_of(model_dir)
    if kind == "amira":
        return peers.amira(model_dir, ["greedy"], numbers)[0]
    tuning = SherpaTuning(max_batch=8)
    made = SherpaWebSocket if kind == "sherpa_cpp" else SherpaPython
    return made(model_dir, tuning, numbers)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["amira", "sherpa_cpp", "sherpa_python"])
async def test_a_real_run(kind: str, model_dir: Path) -> None:
    recording = bundled()
    server = server_of(kind, model_dir)
    try:
        await server.start()
    except UnavailableError as error:
        pytest.skip(str(error))
    try:
        drop_s = recording.seconds + 40
        level = await play(server, [recording], TURNS, 2, WINDOW, drop_s)
    finally:
        await server.stop()
    assert [stream.outcome for stream in level.streams] == ["complete", "complete"]
    heard = measures.heard_by(level)[0]
    assert measures.errors_by_recording(level, [recording])[0].rate < 60
    found = measures.figures(level, [recording], {0: heard}, {0: heard.words})
    assert found["partial_latency_ms"]["count"] > 0
    assert found["partial_latency_ms"]["p50"] > -5  # no result comes before the audio that it rests on
    assert found["server_cores"] > 0
    assert found["load"]["cores"]["load client"] >= 0  # two streams cost it next to nothing
    if kind == "amira":
        assert found["server_latency_ms"]["count"] > 0
        assert {"gateway", "frontend", "decoder", "triton server", "triton model"} <= set(found["memory_mib"])


async def test_a_server_that_cannot_start_is_unavailable(model_dir: Path, tmp_path: Path) -> None:
    server = SherpaWebSocket(tmp_path, SherpaTuning(), peers.geometry_of(model_dir))
    with pytest.raises(UnavailableError, match="has no"):
        await server.start()
    await server.stop()


async def test_a_program_that_dies_at_start_is_unavailable(model_dir: Path, tmp_path: Path) -> None:
    for name in ("tokens.txt", "encoder.int8.onnx", "decoder.onnx", "joiner.onnx"):
        (tmp_path / name).write_bytes(b"garbage")
    server = SherpaWebSocket(tmp_path, SherpaTuning(), peers.geometry_of(model_dir))
    try:
        with pytest.raises(UnavailableError, match=r"ended at start|not installed"):
            await server.start()
    finally:
        await server.stop()


async def test_a_client_that_cannot_begin_is_an_error_not_a_hang(model_dir: Path) -> None:
    server = SherpaWebSocket(model_dir, SherpaTuning(), peers.geometry_of(model_dir))
    with pytest.raises(LoadError, match="did not get ready"):
        await play(server, [bundled()], TURNS, 2, WINDOW, 5, options={"no such option": 1})


async def test_where_nothing_listens_every_stream_fails(model_dir: Path) -> None:
    server = SherpaWebSocket(model_dir, SherpaTuning(), peers.geometry_of(model_dir))
    [port] = free_ports(1)
    level = await play(server, [bundled()], TURNS, 2, (0.0, 1.0), 3, options={"port": port})
    assert [stream.outcome for stream in level.streams] == ["failed", "failed"]
    assert measures.carried(level) == 0
    found = measures.figures(level, [bundled()], {}, {})
    assert found["partial_latency_ms"]["p99"] is None
    assert "no connection" in found["failures"][0]


def test_without_recordings_the_bundled_one_is_played(tmp_path: Path) -> None:
    assert pool(tmp_path, 5) == [bundled()]
    assert len(load(bundled().path)) == pytest.approx(bundled().seconds * 16_000)


def test_the_pool_is_the_same_every_time(speech: object) -> None:
    from benchmarks.recordings import DATA

    chosen = pool(DATA, 6)
    assert len(chosen) == 6
    assert chosen == pool(DATA, 6)


async def test_hosted_services_are_skipped_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("DEEPGRAM_API_KEY", "GOOGLE_CLOUD_PROJECT", "RIVA_TARGET"):
        monkeypatch.delenv(key, raising=False)
    for server in vendors():
        with pytest.raises(UnavailableError, match="not set"):
            await server.start()


async def test_the_deepgram_adapter_speaks_its_published_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a server written after the same pages: shows that the adapter works, not that it is right."""
    seen: dict[str, object] = {}

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        seen["path"], seen["key"] = socket.request.path, socket.request.headers["Authorization"]
        heard = 0
        async for message in socket:
            if isinstance(message, str):
                seen["last"] = json.loads(message)
                break
            heard += len(message)
            await socket.send(_results("he", heard / 32_000, final=False))
        await socket.send(_results("he was", heard / 32_000, final=True))
        await socket.send(json.dumps({"type": "Metadata"}))

    async with serve(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setattr(deepgram, "_URL", f"ws://127.0.0.1:{port}/v1/listen")
        monkeypatch.setenv("DEEPGRAM_API_KEY", "secret")
        speech = deepgram.DeepgramSpeech()
        line = speech.line()
        line.open()
        for message in speech.messages(load(bundled().path)[:4000]):
            line.send(message)
        line.finish()
        await _ended(line.tape)
    assert line.tape.outcome == "complete", line.tape.reason
    readings = list(speech.readings(line.tape))
    assert [reading.text for reading in readings] == ["he", "he", "he", "he was"]
    assert readings[0].needed_s == pytest.approx(0.1)
    assert readings[-1].needed_s == pytest.approx(0.25)
    assert seen["key"] == "Token secret"
    assert "interim_results=true" in str(seen["path"])
    assert seen["last"] == {"type": "CloseStream"}


def _results(text: str, until_s: float, *, final: bool) -> str:
    return json.dumps(
        {
            "type": "Results",
            "start": 0.0,
            "duration": until_s,
            "is_final": final,
            "channel": {"alternatives": [{"transcript": text}]},
        }
    )


async def _ended(tape: Tape) -> None:
    async with asyncio.timeout(60):
        while tape.outcome == "open":  # noqa: ASYNC110 - a tape has no event: it costs the load test nothing
            await asyncio.sleep(0.01)


async def test_a_hosted_service_that_fails_fails_the_stream() -> None:
    from benchmarks.systems.remote import TaskLine

    async def converse(audio: AsyncIterator[bytes], received: object) -> None:
        await anext(aiter(audio))
        raise ConnectionError("429 too many")

    line = TaskLine(converse)  # type: ignore[arg-type]  # it receives nothing
    line.open()
    line.send(b"x")
    await _ended(line.tape)
    assert line.tape.outcome == "refused"
    line.close()


async def test_a_load_process_that_dies_is_an_error_not_a_level(model_dir: Path) -> None:
    server = SherpaWebSocket(model_dir, SherpaTuning(), peers.geometry_of(model_dir))
    [port] = free_ports(1)
    level = asyncio.create_task(play(server, [bundled()], TURNS, 2, (0.0, 3.0), 30, options={"port": port}))
    async with asyncio.timeout(120):
        while not (workers := _load_processes()):  # noqa: ASYNC110 - a process does not tell
            await asyncio.sleep(0.05)
    os.kill(workers[0], signal.SIGKILL)
    with pytest.raises(LoadError, match=r"did not get ready|status -9"):
        await level


def _load_processes() -> list[int]:
    """Those of this process."""
    found = []
    for pid in processes_below(os.getpid()):
        with suppress(OSError):
            if b"benchmarks.load.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found
