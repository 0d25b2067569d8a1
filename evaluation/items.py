"""What there is to recognize: recordings of a manifest, and audio that is made on the spot."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("split", "source", "path", "seconds", "text")


class ManifestError(ValueError):
    """The folder holds no manifest, or one that cannot be used; the message says why."""


@dataclass(frozen=True, eq=False)
class Item:
    """One recording, streamed as it is."""

    name: str
    """Unique within its part, for raw results."""
    source: str
    """The group that it is reported in."""
    audio: Path | NDArray[np.int16]
    """A file, or mono samples at `sample_rate_hz`."""
    text: str
    """What is said in it."""
    seconds: float
    """How long it is."""
    sample_rate_hz: int = 0
    """Of samples; 0 where the file says so itself."""


def read_manifest(folder: Path, split: str = "dev") -> list[Item]:
    """The recordings of one split, in the manifest's order.

    Args:
        folder: holds manifest.tsv (tab-separated, with the COLUMNS and any others) and the recordings.
        split: which of its splits.

    Raises:
        ManifestError: no manifest, a column or a recording is missing, or the split is empty.
    """
    items = _items(folder, split)
    if not items:
        raise ManifestError(f"{_manifest(folder)} has nothing in the split {split!r}")
    lost = next((item.name for item in items if not (folder / item.name).is_file()), None)
    if lost is not None:
        raise ManifestError(f"{_manifest(folder)} names {lost}, which is not there")
    return items


def trained_on(folder: Path, items: Sequence[Item]) -> list[Item]:
    """Those of the items that stand in the train split of the manifest too.

    A recording is known again by its words and its length, as the two splits may hold it under
    other names, from other sources and in other formats.
    """
    train = {(item.text, item.seconds) for item in _items(folder, "train")}
    return [item for item in items if (item.text, item.seconds) in train]


def _items(folder: Path, split: str) -> list[Item]:
    manifest = _manifest(folder)
    if not manifest.is_file():
        raise ManifestError(f"there is no {manifest}")
    with manifest.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
        if missing:
            raise ManifestError(f"{manifest} lacks the column {', '.join(missing)}")
        return [_item(folder, row) for row in reader if row["split"] == split]


def _manifest(folder: Path) -> Path:
    return folder / "manifest.tsv"


def _item(folder: Path, row: dict[str, str]) -> Item:
    try:
        seconds = float(row["seconds"])
    except (TypeError, ValueError) as error:
        raise ManifestError(f"{row['path']}: {row['seconds']!r} is no number of seconds") from error
    return Item(row["path"], row["source"], folder / row["path"], row["text"], seconds)


def first_of_each_source(items: Sequence[Item], count: int) -> list[Item]:
    """The first `count` items of every source."""
    taken: dict[str, list[Item]] = {}
    for item in items:
        held = taken.setdefault(item.source, [])
        if len(held) < count:
            held.append(item)
    return [item for held in taken.values() for item in held]
