"""CPU of gateway and frontend for one message of audio, from the client's bytes to the decoder's features.

    python -m benchmarks.stages.relay [--streams 16] [--seconds 10] [--out FILE]

A message is relayed four times (client to gateway, to the frontend, its frames back, on to the decoder), and
what comes back is counted in: results of a stream, divided by its messages. Paced streams through the whole
stack, greedy search.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from amira_local.options import default_model_dir
from benchmarks import peers
from benchmarks.load.level import AFTER_S, play
from benchmarks.load.measures import carried
from benchmarks.load.schedule import schedule
from benchmarks.recordings import DATA, pool
from benchmarks.report import show
from benchmarks.systems.base import MESSAGE_MS


async def measure(model: Path, streams: int, seconds: float, ramp_s: float = 3.0) -> dict[str, Any]:
    """Milliseconds of CPU per message, by service."""
    [server] = peers.amira(model, ["greedy"], peers.geometry_of(model))
    recordings = pool(DATA, 16)
    lengths = [recording.seconds for recording in recordings]
    end_s = ramp_s + seconds
    turns = schedule(lengths, streams, ramp_s, end_s + AFTER_S, seed=3)
    await server.start()
    try:
        level = await play(server, recordings, turns, streams, (ramp_s, end_s), end_s + AFTER_S)
    finally:
        await server.stop()
    messages_per_s = carried(level) * 1000 / MESSAGE_MS
    return {
        "benchmark": "relay",
        "streams": streams,
        "message_ms": MESSAGE_MS,
        "cpu_ms_per_message": {
            name: round(1000 * level.load.cores[name] / messages_per_s, 4)
            for name in ("gateway", "frontend", "decoder")
        },
        "load": level.load.as_json(),
    }


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled one).")] = None,
    streams: Annotated[int, typer.Option(help="Streams at once.")] = 16,
    seconds: Annotated[float, typer.Option(help="Measured time.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures the relay."""
    show(asyncio.run(measure(model or default_model_dir(), streams, seconds)), out)


if __name__ == "__main__":
    typer.run(main)
