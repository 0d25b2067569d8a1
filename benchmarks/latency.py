"""Server latency of paced streams: last audio byte of a chunk in at the gateway, its result out.

    python -m benchmarks.latency [--streams 1] [--seconds 60] [--method k2] [--out FILE]

Starts a stack of its own on free ports and streams speech at the speed of speech in 100 ms
messages. The figure is StreamLag.server_latency, taken in the gateway for every result that follows
a chunk; finals after the end of the audio wait for nothing and are left out. Interims are on.
"""

from __future__ import annotations

import asyncio
import os
import platform
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient
from amira_local.options import StackOptions
from amira_local.stack import LocalStack
from benchmarks.clips import SAMPLE_RATE_HZ, load_clips, repeated
from benchmarks.processes import usage_by_service
from benchmarks.report import show

MESSAGE_MS = 100
WARM_UP_S = 10.0


async def stream_latencies(
    client: AmiraClient, samples: NDArray[np.int16], method_name: str, start_after_s: float
) -> list[tuple[float, float]]:
    """Streams at the speed of speech; returns (audio decoded in s, server latency in ms) per result."""
    config = config_pb2.RecognitionConfig(
        encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
        sample_rate_hz=SAMPLE_RATE_HZ,
        interim_results=True,
        decoding_method=f"DECODING_METHOD_{method_name.upper()}",
    )
    await asyncio.sleep(start_after_s)
    latencies: list[tuple[float, float]] = []
    step = SAMPLE_RATE_HZ * MESSAGE_MS // 1000

    async with client.stream(config) as stream:

        async def read() -> None:
            async for response in stream:
                if response.HasField("result") and response.lag.HasField("server_latency"):
                    decoded_s = response.result.audio_processed.ToNanoseconds() / 1e9
                    latencies.append((decoded_s, response.lag.server_latency.ToNanoseconds() / 1e6))

        reader = asyncio.create_task(read())
        loop = asyncio.get_running_loop()
        began = loop.time()
        for index in range(0, len(samples), step):
            due = began + (index + step) / SAMPLE_RATE_HZ
            await asyncio.sleep(max(0.0, due - loop.time()))
            await stream.send(samples[index : index + step].tobytes())
        await stream.end()
        await reader
    audio_s = len(samples) / SAMPLE_RATE_HZ
    return [(at, latency) for at, latency in latencies if at < audio_s - 1.0]


async def measure(streams: int, seconds: float, method_name: str, speech: Path | None) -> dict[str, object]:
    """Runs one load level; returns the figures."""
    samples = repeated(load_clips(speech), seconds + WARM_UP_S)
    options = StackOptions(ephemeral_ports=True, log_level="warning")
    async with LocalStack(options) as stack, AmiraClient(stack.gateway_target) as client:
        [model] = (await client.capabilities()).models
        chunk_s = model.chunk_duration.ToNanoseconds() / 1e9
        before = usage_by_service(stack)
        runs = await asyncio.gather(
            *(stream_latencies(client, samples, method_name, chunk_s * i / streams) for i in range(streams))
        )
        after = usage_by_service(stack)
    latencies = [latency for run in runs for at, latency in run if at > WARM_UP_S]
    stream_seconds = streams * (seconds + WARM_UP_S)
    return {
        "streams": streams,
        "method": method_name,
        "results": len(latencies),
        "server_latency_ms": {
            name: round(float(np.percentile(latencies, q)), 2)
            for name, q in (("p50", 50), ("p90", 90), ("p99", 99), ("max", 100))
        },
        "cpu_ms_per_stream_second": {
            name: round(1000 * (after[name].cpu_s - before[name].cpu_s) / stream_seconds, 2) for name in after
        },
        "memory_mib": {name: round(usage.memory_mib) for name, usage in after.items()},
        "machine": {"cpus": os.cpu_count(), "platform": platform.platform()},
    }


def main(
    streams: Annotated[int, typer.Option(help="Streams at once, spread evenly over a chunk.")] = 1,
    seconds: Annotated[float, typer.Option(help="Measured speech per stream, after 10 s of warm-up.")] = 60,
    method: Annotated[str, typer.Option(help="k2, beam or greedy.")] = "k2",
    speech: Annotated[Path | None, typer.Option(help="Folder of 16 kHz FLAC files.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures server latency under paced load."""
    show(asyncio.run(measure(streams, seconds, method, speech)), out)


if __name__ == "__main__":
    typer.run(main)
