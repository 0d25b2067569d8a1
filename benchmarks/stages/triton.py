"""What Triton adds to an encoder step, and the slot table against Triton's own sequence batcher.

    python -m benchmarks.stages.triton [--streams 1 --streams 16] [--rounds 30] [--out FILE]

The same engine and speech three times: in this process, in Triton with a slot table (one request for
all streams: a tick), and in Triton behind the sequence batcher (one request per stream, all at once).
Each round is one chunk of every stream; times are from the first byte of a round to its last answer.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Annotated, Any

import grpc
import numpy as np
import typer
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc

from amira_core.tied import tied
from amira_decoder.encoder.base import EncoderBatch
from amira_decoder.encoder.triton import TritonEncoder
from amira_encoder import wire
from amira_encoder.options import EncoderOptions
from amira_encoder.slot_table import SlotTable
from amira_encoder.table_loader import load_slot_table
from amira_local.options import default_model_dir
from amira_local.ports import free_ports
from amira_triton.layout import default_cache_dir, prepare_layout
from benchmarks.clips import windows_of_clips
from benchmarks.machine import processes_below, usage
from benchmarks.report import show

_ROOT = Path(__file__).resolve().parents[2]
_SEQUENCES = Path(__file__).resolve().parent / "sequence_model"
_WARM_UP = 4
_START_S = 60.0
Frames = NDArray[np.float32]
Windows = Sequence[NDArray[np.float32]]
Step = Callable[[NDArray[np.float32], bool, bool], Awaitable[Any]]
"""(windows [n, frames, features], first round?, last round?)"""


async def timed(
    step: Step, windows: Windows, streams: int, server: int | None, last: dict[int, Frames]
) -> dict[str, Any]:
    """Medians of a round, and CPU of client and server per chunk.

    Args:
        step: one round.
        windows: what the rounds are about.
        streams: how many of them take part.
        server: process to account for; None where there is none.
        last: frames of the last round by number of streams: they must be the same each way.

    Raises:
        AssertionError: they are not.
    """
    answer: Any = None
    wall: list[float] = []
    cpu = client = 0.0
    for number, window in enumerate(windows):
        if number == _WARM_UP:
            client, cpu = process_time(), _cpu_s(server)
        begin = perf_counter()
        answer = await step(window[:streams], number == 0, number == len(windows) - 1)
        wall.append(1000 * (perf_counter() - begin))
    frames = _frames_of(answer)
    np.testing.assert_allclose(frames, last.setdefault(streams, frames), atol=1e-4)
    chunks = streams * (len(windows) - _WARM_UP)
    return {
        "round_ms": round(median(wall[_WARM_UP:]), 2),
        "server_cpu_ms_per_chunk": round(1000 * (_cpu_s(server) - cpu) / chunks, 3) if server else None,
        "client_cpu_ms_per_chunk": round(1000 * (process_time() - client) / chunks, 3),
    }


def _frames_of(answer: Any) -> Frames:
    """Frames [n, output_frames, output_dim] of a round's answer, flat where they came one by one."""
    if isinstance(answer, np.ndarray):
        return answer.reshape(len(answer), -1)
    return np.stack([np.frombuffer(one.raw_output_contents[0], np.float32) for one in answer])


def _cpu_s(pid: int | None) -> float:
    return usage(processes_below(pid)).cpu_s if pid is not None else 0.0


def in_process(table: SlotTable) -> Step:
    """The slot table without Triton."""

    async def step(window: NDArray[np.float32], first: bool, last: bool) -> Any:
        rows = len(window)
        slots = np.arange(rows, dtype=np.int32)
        return table.step(window, slots, np.ones(rows, np.int64), np.full(rows, first))[0].copy()

    return step


def with_slots(encoder: TritonEncoder, generation: int) -> Step:
    """One request for all streams."""

    async def step(window: NDArray[np.float32], first: bool, last: bool) -> Any:
        rows = len(window)
        slots, generations = np.arange(rows, dtype=np.int32), np.full(rows, generation, np.int64)
        output = await encoder.step(EncoderBatch(window, slots, generations, np.full(rows, first)))
        assert output.accepted.all()
        return output.frames

    return step


def with_sequences(stub: Any, first_id: int) -> Step:
    """One request per stream."""

    async def one(row: int, window: NDArray[np.float32], first: bool, last: bool) -> Any:
        request = service_pb2.ModelInferRequest(model_name="sequences")
        request.parameters["sequence_id"].int64_param = first_id + row
        request.parameters["sequence_start"].bool_param = first
        request.parameters["sequence_end"].bool_param = last
        request.inputs.add(name="FEATURES", datatype="FP32", shape=(1, *window.shape))
        request.raw_input_contents.append(window.tobytes())
        return await stub.ModelInfer(request, timeout=30)

    async def step(window: NDArray[np.float32], first: bool, last: bool) -> Any:
        return await asyncio.gather(*(one(row, each, first, last) for row, each in enumerate(window)))

    return step


@asynccontextmanager
async def server(repository: Path, model: str, options: EncoderOptions) -> AsyncIterator[tuple[str, int]]:
    """A tritonserver with one model; gives its gRPC address and its process id.

    Raises:
        TritonInstallationError: Triton is not installed.
        TimeoutError: it did not come up.
    """
    layout = prepare_layout(default_cache_dir(), _ROOT / "deploy" / "triton")
    port, http, metrics = free_ports(3)
    process = await asyncio.create_subprocess_exec(
        *tied(signal.SIGKILL, str(layout.binary)),
        f"--model-repository={repository}", f"--backend-directory={layout.backends}",
        "--grpc-address=127.0.0.1", "--http-address=127.0.0.1", "--metrics-address=127.0.0.1",
        f"--grpc-port={port}", f"--http-port={http}", f"--metrics-port={metrics}",
        "--model-control-mode=explicit", f"--load-model={model}", "--disable-auto-complete-config",
        "--exit-timeout-secs=2",
        env={**os.environ, **layout.environment, **options.to_environment()},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    below: list[int] = []
    try:
        target = f"127.0.0.1:{port}"
        async with asyncio.timeout(_START_S), grpc.aio.insecure_channel(target) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            request = service_pb2.ModelReadyRequest(name=model)
            await channel.channel_ready()
            while not (await stub.ModelReady(request)).ready:  # noqa: ASYNC110 - can only be asked
                await asyncio.sleep(0.1)
        below = processes_below(process.pid)
        yield target, process.pid
    finally:
        for pid in below or [process.pid]:
            _kill(pid)
        await process.wait()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


async def round_trip(target: str, rounds: int) -> float:
    """Median ms of a request without rows: what Triton and gRPC take for themselves."""
    request = service_pb2.ModelInferRequest(model_name=wire.MODEL_NAME)
    for name, shape in (
        (wire.FEATURES, (0, 0, 0)),
        (wire.SLOTS, (0,)),
        (wire.GENERATIONS, (0,)),
        (wire.RESET, (0,)),
    ):
        request.inputs.add(name=name, datatype=wire.TYPES[name], shape=shape)
        request.raw_input_contents.append(b"")
    request.outputs.add(name=wire.ACCEPTED)
    times = []
    async with grpc.aio.insecure_channel(target) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for _ in range(rounds):
            begin = perf_counter()
            await stub.ModelInfer(request, timeout=5)
            times.append(1000 * (perf_counter() - begin))
    return round(median(times), 3)


async def measure(model: Path, streams: Sequence[int], rounds: int) -> dict[str, Any]:
    """All three ways."""
    # States that can be moved between requests, as the sequence batcher wants them, are a matter of engines.
    options = EncoderOptions(model, max(streams), "openvino")
    table = load_slot_table(options)
    windows = windows_of_clips(table.geometry, max(streams), _WARM_UP + rounds)
    last: dict[int, Frames] = {}
    found: dict[str, dict[str, Any]] = {"in process": {}, "slot table in Triton": {}, "sequence batcher": {}}
    for count in streams:
        found["in process"][str(count)] = await timed(in_process(table), windows, count, None, last)
    async with server(_ROOT / "deploy" / "triton", "encoder", options) as (target, pid):
        encoder = TritonEncoder(target)
        await encoder.connect()
        trip_ms = await round_trip(target, 10 * rounds)
        for number, count in enumerate(streams):
            step = with_slots(encoder, number)
            found["slot table in Triton"][str(count)] = await timed(step, windows, count, pid, last)
        await encoder.close()
    async with (
        server(_SEQUENCES, "sequences", options) as (target, pid),
        grpc.aio.insecure_channel(target) as channel,
    ):
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for number, count in enumerate(streams):
            step = with_sequences(stub, 1 + 1000 * number)
            found["sequence batcher"][str(count)] = await timed(step, windows, count, pid, last)
    return {
        "benchmark": "triton",
        "model": model.name,
        "engine": table.runner.name,
        "empty_request_ms": trip_ms,
        "results": found,
    }


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled one).")] = None,
    streams: Annotated[list[int], typer.Option(help="Streams in a round; repeat.")] = [1, 16, 64],  # noqa: B006 - typer wants the list itself
    rounds: Annotated[int, typer.Option(help="Measured rounds.")] = 30,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures Triton's share, and its sequence batcher."""
    show(asyncio.run(measure(model or default_model_dir(), streams, rounds)), out)


if __name__ == "__main__":
    typer.run(main)
