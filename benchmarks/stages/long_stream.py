"""One unbroken stream of 30 minutes: does a chunk cost at the end what it cost at the start?

    python -m benchmarks.stages.long_stream [--minutes 30] [--method k2] [--out FILE]

The same minute of speech is sent over and over, as fast as the server takes it, so that every minute
asks for the same work. CPU seconds of all services are read at each minute's MARK; the first minute
is the second one sent (the very first also pays for warming up). Memory is read at the same marks.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from amira.asr.v1 import config_pb2
from amira_client import AmiraClient
from amira_local.options import StackOptions
from amira_local.stack import LocalStack
from benchmarks.clips import SAMPLE_RATE_HZ, load_clips, repeated
from benchmarks.processes import Usage, usage_by_service
from benchmarks.report import show

MESSAGE_BYTES = 6400
AT_THE_END = 5
"""Minutes whose median counts as "the end"; one alone is at the mercy of the machine's noise."""


async def measure(
    minutes: int, method_name: str, endpointing: bool, speech: Path | None
) -> dict[str, object]:
    """Runs the stream; returns the figures."""
    minute = repeated(load_clips(speech), 60).tobytes()
    preset = config_pb2.ENDPOINT_PRESET_STANDARD if endpointing else config_pb2.ENDPOINT_PRESET_OFF
    config = config_pb2.RecognitionConfig(
        encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
        sample_rate_hz=SAMPLE_RATE_HZ,
        interim_results=True,
        decoding_method=f"DECODING_METHOD_{method_name.upper()}",
        endpoint=config_pb2.EndpointConfig(preset=preset),
    )
    readings: list[dict[str, Usage]] = []
    options = StackOptions(ephemeral_ports=True, log_level="warning")
    async with (
        LocalStack(options) as stack,
        AmiraClient(stack.gateway_target) as client,
        client.stream(config) as stream,
    ):

        async def read() -> None:
            async for response in stream:
                if response.HasField("mark"):
                    readings.append(usage_by_service(stack))

        reader = asyncio.create_task(read())
        for index in range(minutes + 1):
            for start in range(0, len(minute), MESSAGE_BYTES):
                await stream.send(minute[start : start + MESSAGE_BYTES])
            await stream.mark(str(index))
        await stream.end()
        await reader
    return summarize(readings)


def summarize(readings: list[dict[str, Usage]]) -> dict[str, object]:
    """CPU per minute and memory from one reading at the end of each minute."""
    cpu_s = [
        sum(after[name].cpu_s - before[name].cpu_s for name in after) for before, after in pairwise(readings)
    ]
    memory = {name: [round(reading[name].memory_mib, 1) for reading in readings] for name in readings[0]}
    return {
        "minutes": len(cpu_s),
        "cpu_s_per_minute": [round(value, 3) for value in cpu_s],
        "end_to_first_minute": round(median(cpu_s[-AT_THE_END:]) / cpu_s[0], 3),
        "end_to_first_five_minutes": round(median(cpu_s[-AT_THE_END:]) / median(cpu_s[:AT_THE_END]), 3),
        "memory_mib_first_minute": {name: values[1] for name, values in memory.items()},
        "memory_mib_end": {name: values[-1] for name, values in memory.items()},
        "memory_mib_by_minute": {
            name: values[:: max(1, len(values) // 10)] for name, values in memory.items()
        },
    }


def main(
    minutes: Annotated[int, typer.Option(help="Minutes of audio after the warm-up minute.")] = 30,
    method: Annotated[str, typer.Option(help="k2, beam or greedy.")] = "k2",
    endpointing: Annotated[bool, typer.Option(help="Standard endpoint rules, or segments of 60 s.")] = True,
    speech: Annotated[Path | None, typer.Option(help="Folder of 16 kHz FLAC files.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures cost and memory over one long stream."""
    show(asyncio.run(measure(minutes, method, endpointing, speech)), out)


if __name__ == "__main__":
    typer.run(main)
