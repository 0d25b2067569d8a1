"""All recordings of a set in one file of samples, with an index: opened once, read at random.

``NAME.pcm`` holds int16 samples at 16 kHz, one recording after the other; ``NAME.tsv`` says per line
source, first sample, number of samples, text, origin. The index is written last: where it is, the
set is complete.
"""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from amira_training.data.audio import RATE_HZ, Samples, to_int16
from amira_training.errors import DataError
from amira_training.files import whole


@dataclass(frozen=True, slots=True)
class Recording:
    """A line of the index."""

    source: str
    first: int
    samples: int
    text: str
    origin: str

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.samples / RATE_HZ


class PackedSet:
    """A packed set, read-only. Pickles as its path, so it travels cheaply to worker processes.

    Raises:
        DataError: the index cannot be read or does not fit the samples.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.recordings = read_index(folder / f"{name}.tsv")
        expected = sum(recording.samples for recording in self.recordings)
        pcm = folder / f"{name}.pcm"
        found = pcm.stat().st_size // 2 if pcm.exists() else 0
        if not expected or found != expected:
            raise DataError(f"{pcm} holds {found} samples, its index says {expected}: prepare the set again")
        self._pcm = np.memmap(pcm, "<i2", mode="r")

    def __len__(self) -> int:
        return len(self.recordings)

    def __reduce__(self) -> tuple[Any, ...]:
        return open_set, (self.folder, self.name)

    def audio(self, index: int) -> Samples:
        """Samples of a recording, ``[n]`` in [-1, 1]."""
        recording = self.recordings[index]
        return self._pcm[recording.first : recording.first + recording.samples].astype(np.float32) / 32768

    @property
    def hours(self) -> float:
        """Of audio."""
        return len(self._pcm) / RATE_HZ / 3600

    def sources(self) -> Counter[str]:
        """Recordings per source."""
        return Counter(recording.source for recording in self.recordings)


@cache
def open_set(folder: Path, name: str) -> PackedSet:
    """The set, opened once per process."""
    return PackedSet(folder, name)


class PackWriter:
    """Writes a set; it appears under its name when the ``with`` block ends without an error."""

    def __init__(self, folder: Path, name: str) -> None:
        self._index_path = folder / f"{name}.tsv"
        self._pcm_path = folder / f"{name}.pcm"
        self._samples = 0
        self.recordings = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            index_part = stack.enter_context(whole(self._index_path))  # replaced last
            pcm_part = stack.enter_context(whole(self._pcm_path))
            self._index = stack.enter_context(index_part.open("w", encoding="utf-8"))
            self._pcm = stack.enter_context(pcm_part.open("wb"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._index_path.unlink(missing_ok=True)  # an old index never stands beside new samples
        self._stack.__exit__(kind, error, trace)

    @property
    def seconds(self) -> float:
        """Audio written so far."""
        return self._samples / RATE_HZ

    def add(self, samples: Samples, *, source: str, text: str, origin: str) -> None:
        """Appends a recording: ``[n]`` in [-1, 1] at 16 kHz."""
        fields = (source, str(self._samples), str(len(samples)), text, origin)
        if any("\t" in field or "\n" in field for field in fields):
            raise DataError(f"tabs and line breaks cannot stand in the index: {origin!r}")
        self._pcm.write(to_int16(samples).astype("<i2").tobytes())
        self._index.write("\t".join(fields) + "\n")
        self._samples += len(samples)
        self.recordings += 1


def read_index(path: Path) -> list[Recording]:
    """The recordings that an index lists. Raises DataError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        return [
            Recording(source, int(first), int(n), text, origin) for source, first, n, text, origin in rows
        ]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the index {path}: {error}") from error
