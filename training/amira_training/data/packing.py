"""Recordings of a manifest into a packed set; what cannot be used is counted, not fatal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from amira_training.data.audio import RATE_HZ, Samples, read_audio
from amira_training.data.feeder import in_order
from amira_training.data.manifest import Entry
from amira_training.data.packed_set import PackWriter
from amira_training.data.text import normalize
from amira_training.errors import DataError

_READERS = 2  # decoding releases the interpreter lock
_AHEAD = 16


@dataclass
class PackReport:
    """What became of a manifest's entries."""

    kept: int = 0
    seconds: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Path] = field(default_factory=dict)

    def skip(self, reason: str, path: Path) -> None:
        """Counts an entry that is left out."""
        self.skipped[reason] += 1
        self.examples.setdefault(reason, path)

    def lines(self) -> Iterator[str]:
        """What was left out and why, with an example each."""
        for reason, count in self.skipped.most_common():
            yield f"left out {count}: {reason} (such as {self.examples[reason]})"


def pack(
    entries: Sequence[Entry],
    folder: Path,
    name: str,
    *,
    shortest_s: float,
    longest_s: float,
    after_each: Callable[[PackReport], object] = lambda _: None,
) -> PackReport:
    """Writes the set ``name`` into ``folder``.

    Args:
        entries: what to pack, in this order.
        folder: where to.
        name: of the set.
        shortest_s: shorter recordings are left out.
        longest_s: longer ones too.
        after_each: is given the report so far after each entry.

    Raises:
        DataError: nothing at all could be used; no set is written then.
    """
    report = PackReport()
    with PackWriter(folder, name) as writer, ThreadPoolExecutor(_READERS) as readers:
        for entry, outcome in zip(entries, in_order(_read, entries, readers, _AHEAD), strict=True):
            seconds = len(outcome) / RATE_HZ if not isinstance(outcome, str) else 0.0
            text = normalize(entry.text)
            if isinstance(outcome, str):
                report.skip(outcome, entry.path)
            elif text is None:
                report.skip("no words, digits or another script in the text", entry.path)
            elif not shortest_s <= seconds <= longest_s:
                report.skip(f"shorter than {shortest_s:g} s or longer than {longest_s:g} s", entry.path)
            else:
                writer.add(outcome, source=entry.source, text=text, origin=str(entry.path))
                report.kept, report.seconds = writer.recordings, writer.seconds
            after_each(report)
        if not writer.recordings:
            reasons = "; ".join(report.lines()) or "it has no entries"
            raise DataError(f"nothing in the {name} part of the manifest can be used: {reasons}")
    return report


def _read(entry: Entry) -> Samples | str:
    """The samples, or why there are none."""
    try:
        return read_audio(entry.path)
    except DataError as error:
        return str(error)
