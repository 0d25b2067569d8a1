"""Writes the figures that sentences of the pages name, from their raw data: docs/launch above all.

A figure in a sentence is found by the words around it (CLAIMS). The table of capacities in
docs/launch/BLOG.md is written whole. With --check, only says what is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.peers import CPP, LIKE_FOR_LIKE, NODE, NODES, PYTHON  # noqa: E402 - by the path that was just set
from scripts.generate_figures import capacities, figures  # noqa: E402
from scripts.generated import with_part, write_or_check  # noqa: E402

CLAIMS: dict[str, str] = {
    r"carr(?:y|ies|ied) (\d+) streams as (?:separate )?services": "services",
    r"(\d+) streams as services": "services",
    r"(\d+(?: or more)?) in (?:one process|two processes)": "node",
    r"\d in (one process|two processes)": "node way",
    r"\d or more in (one process|two processes)": "node way",
    r"sherpa-onnx's C\+\+ server(?: carries| carried|:)? (\d+)": "sherpa",
    r"(\d\.\d\d) times (?:sherpa-onnx's|its) streams as services": "services over sherpa",
    r"(\d\.\d\d) times (?:sherpa-onnx's|its) streams in (?:one process|two processes)": "node over sherpa",
    r"times (?:sherpa-onnx's|its) streams in (one process|two processes)": "node way",
    r"LibriSpeech test-other (\d+\.\d % \([\d.]+ to [\d.]+\))": "librispeech-test-other",
    r"Common Voice (\d+\.\d % \([\d.]+ to [\d.]+\))": "commonvoice-en",
    r"stream-hour costs (\d\.\d{3}) USD": "stream-hour",
    r"simulation refuses (\d+\.\d) % of new streams": "zone lost refused",
    r"[Aa] word is shown (\d+) ms after its end": "word shown",
    r"p99 of those let in (\d+) ms": "over p99",
    r"within capacity it was (\d+)": "within p99",
    r"Amira has (\d+) ms at": "services p99",
    r"ms at (\d+) streams, sherpa-onnx": "services",
    r"sherpa-onnx (\d+) ms at": "sherpa p99",
    r"sherpa-onnx \d+ ms at (\d+)": "sherpa",
    r"[Ww]ith (\d+) streams Amira has": "common level",
    r"[Ww]ith \d+ streams Amira has (\d+) ms": "services p99 at common level",
    r"and the peer (\d+)": "sherpa p99 at common level",
    r"(\d+ of \d+) transcripts of the peer": "sherpa same",
    r"Amira's were (\d+ of \d+)": "services same",
    r"Date of the figures: (\d{4}-\d\d-\d\d)": "date",
}
"""How pages put figures, and which figure it is."""

OF_OTHER_RUNS = {"docs/PERFORMANCE.md", "CHANGELOG.md"}
"""Logs: each entry has the figures of its own day."""

POST = ROOT / "docs" / "launch" / "BLOG.md"
BEGIN, END = "<!-- capacities: written by `make docs`, do not edit -->\n", "<!-- end of capacities -->"
SYSTEMS = {
    LIKE_FOR_LIKE: "Amira, three services",
    NODE: "Amira, one process beside Triton",
    NODES: "Amira, two nodes with the encoder within",
    CPP: "sherpa-onnx, C++ server",
    PYTHON: "sherpa-onnx, Python server",
}


def places(text: str) -> Iterator[tuple[str, int, int]]:
    """Which figure is named where: its name, begin and end. Words may be parted by line ends."""
    for pattern, figure in CLAIMS.items():
        for found in re.finditer(pattern.replace(" ", r"\s+"), text):
            yield figure, *found.span(1)


def with_figures(text: str, known: Mapping[str, str]) -> str:
    """The text with its figures as the raw data have them."""
    for figure, begin, end in sorted(places(text), key=lambda place: place[1], reverse=True):
        if " ".join(text[begin:end].split()) != known[figure]:
            text = text[:begin] + known[figure] + text[end:]
    return text


def with_capacities(text: str) -> str:
    """The post with its table as the raw data have it. ValueError: it lacks a place for it."""
    return with_part(text, BEGIN, table(), END)


def table() -> str:
    """Streams that each system carried, and what they saw then."""
    lines = ["| greedy search | streams | p99 of partial latency there | over sherpa-onnx's C++ server |"]
    lines.append("|---|---|---|---|")
    rows = capacities()
    lines += [
        f"| {name} | {rows[key].streams} | {rows[key].p99_ms:.0f} ms | {rows[key].over_peer:.2f} |"
        for key, name in SYSTEMS.items()
        if key in rows
    ]
    return "\n".join([*lines, ""])


def current() -> dict[Path, str]:
    """All pages that name figures, as they should be."""
    known = figures()
    found = {}
    for page in sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")}):
        if str(page.relative_to(ROOT)) not in OF_OTHER_RUNS:
            text = with_figures(page.read_text(encoding="utf-8"), known)
            found[page] = with_capacities(text) if page == POST else text
    return found


def main() -> int:
    """Returns 1 when --check finds a page stale."""
    return max(write_or_check(page, text) for page, text in current().items())


if __name__ == "__main__":
    sys.exit(main())
