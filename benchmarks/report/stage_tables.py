"""Results of the stage benchmarks as Markdown, and into docs/PERFORMANCE.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import BUSY_CORES
from benchmarks.report.marks import replace_between
from benchmarks.report.tables import table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "PERFORMANCE.md"
BEGIN = "<!-- stages: written by `make bench-stages`, do not edit -->"
END = "<!-- end of stages -->"
Figures = Mapping[str, Any]


def markdown(found: Figures) -> str:
    """A table for each stage that was measured."""
    machine = found["machine"]
    cpus = f"{machine['cpus']} CPUs of {machine['cpu']}, {machine['memory_gib']} GiB"
    parts = [f"{cpus}. Written by `make bench-stages`."]
    for name, (title, render) in _STAGES.items():
        figures = found["stages"].get(name)
        if figures is not None:
            parts.append(f"### {title}\n\n{_measured(figures)}\n\n{render(figures)}")
    return "\n\n".join(parts) + "\n"


def write_document(found: Figures, path: Path = DOCUMENT) -> None:
    """Replaces the tables in docs/PERFORMANCE.md. Raises ValueError when it has lost its marks."""
    replace_between(path, BEGIN, END, markdown(found))


def _measured(figures: Figures) -> str:
    others = figures["other_processes_cores"]
    busy = f"; **others used {others} cores meanwhile: no reference**" if others > BUSY_CORES else ""
    return f"{figures['date']}{busy}."


def _fbank(figures: Figures) -> str:
    rows = [
        [row["pieces"], *(f"{row['us_per_frame'][side]:.2f}" for side in ("amira", "kaldi")),
         f"{row['times_faster_than_kaldi']:.1f}", f"{row['largest_difference']:.0e}"]
        for row in figures["results"]
    ]  # fmt: skip
    head = ["pieces of", "us per frame", "kaldi-native-fbank", "times faster", "largest difference"]
    return table(head, rows)


def _audio(figures: Figures) -> str:
    rows = [
        [
            f"{row['encoding']} {row['rate_hz']} Hz",
            f"{row['mean_us']:.0f}",
            f"{row['longest_step_us']:.0f}",
            f"{row['streams_per_core']:.0f}",
        ]
        for row in figures["results"]
    ]
    return table(["audio", "us per 100 ms, bytes to features", "longest step", "streams per core"], rows)


def _kernels(figures: Figures) -> str:
    rows = [
        [row["kernel"], *(f"{row[key]:g}" for key in ("us", "numpy_us", "times_faster", "gb_per_s"))]
        for row in figures["results"]
    ]  # fmt: skip
    return table(["kernel", "us", "numpy, us", "times faster", "GB/s"], rows)


def _search(figures: Figures) -> str:
    frames = figures["frames_per_chunk"]
    counts = list(next(iter(figures["cpu_ms_per_chunk"].values())))
    rows = [
        [method, *(f"{1000 * by_count[count] / int(count) / frames:.1f}" for count in counts)]
        for method, by_count in figures["cpu_ms_per_chunk"].items()
    ]
    return table(["CPU us per stream-frame", *(f"{count} streams" for count in counts)], rows)


def _encoder(figures: Figures) -> str:
    counts = list(figures["results"][0]["cpu_ms_per_chunk"])
    rows = [
        [
            row["engine"] + (", row by row" if "row by row" in row["runs_as"] else ""),
            str(row["threads"]),
            *(f"{row['cpu_ms_per_chunk'][count]:.2f} / {row['step_ms'][count]:.0f}" for count in counts),
        ]
        for row in figures["results"]
    ]
    head = ["engine: CPU ms per chunk / ms per step", "threads", *(f"{count} streams" for count in counts)]
    return table(head, rows)


def _triton(figures: Figures) -> str:
    ways: Figures = figures["results"]
    counts = list(next(iter(ways.values())))
    rows = []
    for way, by_count in ways.items():
        cells = []
        for count in counts:
            one = by_count[count]
            cpu = (one["server_cpu_ms_per_chunk"] or 0.0) + one["client_cpu_ms_per_chunk"]
            cells.append(f"{one['round_ms']:.1f} / {cpu:.2f}")
        rows.append([way, *cells])
    head = ["ms per round / CPU ms per chunk, client included", *(f"{count} streams" for count in counts)]
    return (
        f"Engine {figures['engine']}; a request without rows takes {figures['empty_request_ms']} ms.\n\n"
        + table(head, rows)
    )


def _relay(figures: Figures) -> str:
    rows = [[name, f"{value:.3f}"] for name, value in figures["cpu_ms_per_message"].items()]
    head = [f"{figures['streams']} streams", f"CPU ms per message of {figures['message_ms']} ms of audio"]
    return table(head, rows)


def _idle(figures: Figures) -> str:
    rows = [
        [name, f"{1000 * value:.1f}", f"{1000 * figures['cores_without_streams'][name]:.1f}",
         f"{figures['memory_mib_per_stream'][name]:.3f}"]
        for name, value in figures["cores"].items()
    ]  # fmt: skip
    totals = (figures["cores"], figures["cores_without_streams"], figures["memory_mib_per_stream"])
    cores, without, memory = (sum(values.values()) for values in totals)
    rows.append(["all", f"{1000 * cores:.1f}", f"{1000 * without:.1f}", f"{memory:.3f}"])
    return table(
        [f"{figures['streams']} idle streams", "milli-cores", "without streams", "MiB per stream"], rows
    )


def _long_stream(figures: Figures) -> str:
    cpu_s = figures["cpu_s_per_minute"]
    first, last = sum(figures["memory_mib_first_minute"].values()), sum(figures["memory_mib_end"].values())
    return table(
        [
            "one stream of",
            "CPU s per minute, first and last",
            "last five minutes to the first",
            "MiB more at the end",
        ],
        [
            [
                f"{figures['minutes']} minutes",
                f"{cpu_s[0]:.2f}, {cpu_s[-1]:.2f}",
                f"{figures['end_to_first_minute']:.2f}",
                f"{last - first:.1f}",
            ]
        ],
    )


_STAGES: Mapping[str, tuple[str, Callable[[Figures], str]]] = {
    "fbank": ("Features", _fbank),
    "audio": ("Formats and rates", _audio),
    "kernels": ("Kernels against numpy", _kernels),
    "encoder": ("Encoder engines", _encoder),
    "triton": ("Triton, and its sequence batcher", _triton),
    "search": ("Searches", _search),
    "relay": ("Relay", _relay),
    "idle": ("Idle streams", _idle),
    "long_stream": ("One long stream", _long_stream),
}
