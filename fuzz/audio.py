"""Broken and hostile audio through the frontend's decoders.

    python -m fuzz.audio [--inputs 100000] [--seed 0] [--only NUMBER]

Whatever the bytes, they become features, or an error that blames the request: nothing else is raised,
nothing crashes or hangs, no step takes long, a few bytes do not become hours, memory stays flat. An
input that breaks this is written to a file; the same seed and number make it again.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from amira_frontend.warmup import warm_up
from fuzz.check import FindingError, check
from fuzz.inputs import make_input
from fuzz.tally import Tally
from fuzz.worker import Check, Found, Memory, run

FINDINGS = Path(__file__).resolve().parent.parent / ".amira" / "fuzz"
MEMORY_LIMIT_MIB = 32
"""That memory may grow by once it is warm: more, over 100,000 inputs, is a leak."""


def fuzz(
    seed: int, inputs: int, hang_s: float, findings: Path, how: Check = check
) -> tuple[Tally, list[Found], list[Memory]]:
    """Checks inputs 0 to `inputs`; writes the findings as they come."""
    tally, found, memory = Tally(), list[Found](), list[Memory]()
    for report in run(seed, range(inputs), hang_s, how):
        if isinstance(report, Tally):
            tally.add(report)
        elif isinstance(report, Memory):
            memory.append(report)
        else:
            found.append(report)
            path = write(seed, report, findings)
            print(f"input {report.number}: {report.problem}; written to {path}", flush=True)
    return tally, found, memory


def write(seed: int, found: Found, folder: Path) -> Path:
    """Keeps the bytes of an input; what else it takes to send it is in a text file beside them."""
    item = make_input(seed, found.number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"audio-{seed}-{found.number}.bin"
    path.write_bytes(b"".join(item.pieces))
    sizes = " ".join(str(len(piece)) for piece in item.pieces)
    lines = [
        found.problem,
        f"made from: {item.origin}",
        f"pieces: {sizes}",
        "format:",
        str(item.audio_format),
    ]
    path.with_suffix(".txt").write_text("\n".join(lines))
    return path


def again(seed: int, number: int) -> None:
    """One input in this process, where a debugger can follow it."""
    item = make_input(seed, number)
    print(f"{item.origin}, {item.size} bytes in {len(item.pieces)} pieces\n{item.audio_format}")
    warm_up()
    try:
        print(check(item))
    except FindingError as finding:
        print(f"finding: {finding}")
        raise typer.Exit(1) from finding


def main(
    inputs: Annotated[int, typer.Option(min=1, help="How many.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Other inputs for each number.")] = 0,
    only: Annotated[int | None, typer.Option(help="One input alone, by its number.")] = None,
    hang_s: Annotated[float, typer.Option(help="An input that takes longer hangs.")] = 20,
    findings: Annotated[Path, typer.Option(help="Folder for inputs that fail.")] = FINDINGS,
) -> None:
    """Prints what became of the inputs and what they cost. Exit status: 1 if any misbehaves."""
    if only is not None:
        again(seed, only)
        return
    begin = time.monotonic()
    tally, found, memory = fuzz(seed, inputs, hang_s, findings)
    seconds = time.monotonic() - begin
    print(f"{inputs} inputs, seed {seed}, {tally.bytes / 2**20:.0f} MiB: {inputs / seconds:.0f} per second")
    for result, count in tally.results.most_common():
        print(f"  {count:>8} {result}")
    print(f"frames: {tally.frames}")
    print(f"longest input: {tally.cpu}")
    print(f"longest step: {tally.step}")
    for worker in memory:
        print(f"memory: {worker.warm_mib:.0f} MiB warm, {worker.end_mib:.0f} MiB at the end")
    grown = any(worker.end_mib - worker.warm_mib > MEMORY_LIMIT_MIB for worker in memory)
    print(f"findings: {len(found) + grown}")
    if found or grown:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
