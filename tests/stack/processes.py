"""What the processes of a running stack hold: memory, descriptors, threads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from tests.support.stack import StackThread


@dataclass(frozen=True)
class Holdings:
    """One process at one moment."""

    rss_mib: float
    descriptors: int
    threads: int


def holdings(stack: StackThread) -> dict[str, Holdings]:
    """Of every service, and of the processes below the Triton supervisor."""
    pids = {name: stack.pid_of(name) for name in stack.stack.processes}
    for number, pid in enumerate(_descendants(pids["triton"])):
        pids[f"triton child {number}"] = pid
    return {name: _of(pid) for name, pid in pids.items()}


async def slots_used(stack: StackThread) -> int:
    """Slots that the decoder has lent."""
    async with grpc.aio.insecure_channel(stack.stack.targets["decoder"]) as channel:
        described = await decoder_pb2_grpc.DecoderStub(channel).Describe(decoder_pb2.DescribeRequest())
        return described.slots_used


def _of(pid: int) -> Holdings:
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return Holdings(
        rss_mib=int(fields["VmRSS"].split()[0]) / 1024,
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(fields["Threads"]),
    )


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found
