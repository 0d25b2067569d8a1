"""What streams cost that are connected and say nothing: CPU and memory of all services.

    python -m benchmarks.stages.idle [--streams 2000] [--seconds 15] [--out FILE]

Each sends its config and then no audio. The slot table has a slot for every one of them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from amira_local.options import default_model_dir
from benchmarks import peers
from benchmarks.load.wire import Line
from benchmarks.machine import between, moment
from benchmarks.report import show
from benchmarks.systems.amira import AmiraServer, AmiraSpeech, AmiraStack

_AT_ONCE = 25
_SETTLE_S = 3.0
_ENVIRONMENT = {**peers.NO_ADMISSION, "AMIRA_GATEWAY_IDLE_TIMEOUT_S": "600"}


async def measure(model: Path, streams: int, seconds: float) -> dict[str, Any]:
    """Connects, waits, reads /proc. Raises RuntimeError when not all streams were taken."""
    stack = AmiraStack(model, slots=streams + 8, env=_ENVIRONMENT)
    server = AmiraServer(stack, "greedy", peers.geometry_of(model))
    await server.start()
    lines: list[Line] = []
    try:
        before = moment(server.processes())
        after_start = await _idle(server, seconds)
        client = AmiraSpeech(**server.client_options())
        for _ in range(streams):
            lines.append(client.line())
            lines[-1].open()
            if len(lines) % _AT_ONCE == 0:
                await asyncio.sleep(0.2)
        await asyncio.sleep(_SETTLE_S)
        lost = [line.tape.reason for line in lines if line.tape.outcome != "open" or not line.tape.arrivals]
        if lost:
            raise RuntimeError(f"{len(lost)} of {streams} streams were not taken: {lost[0] or 'no answer'}")
        with_streams = await _idle(server, seconds)
        after = moment(server.processes())
    finally:
        for line in lines:
            line.close()
        await server.stop()
    grown = {name: after.groups[name].memory_mib - use.memory_mib for name, use in before.groups.items()}
    return {
        "benchmark": "idle",
        "streams": streams,
        "cores": {name: round(value, 4) for name, value in with_streams.items()},
        "cores_without_streams": {name: round(value, 4) for name, value in after_start.items()},
        "memory_mib_per_stream": {name: round(value / streams, 3) for name, value in grown.items()},
    }


async def _idle(server: AmiraServer, seconds: float) -> dict[str, float]:
    before = moment(server.processes())
    await asyncio.sleep(seconds)
    return dict(between(before, moment(server.processes())).cores)


def main(
    model: Annotated[Path | None, typer.Option(help="Model folder (default: the bundled one).")] = None,
    streams: Annotated[int, typer.Option(help="Streams at once.")] = 2000,
    seconds: Annotated[float, typer.Option(help="Measured time.")] = 15,
    out: Annotated[Path | None, typer.Option(help="Write the figures here, as JSON.")] = None,
) -> None:
    """Measures idle streams."""
    show(asyncio.run(measure(model or default_model_dir(), streams, seconds)), out)


if __name__ == "__main__":
    typer.run(main)
