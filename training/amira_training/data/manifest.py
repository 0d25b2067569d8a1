"""What recordings there are and what is said in them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path

import numpy as np

from amira_training.data.text import normalize
from amira_training.errors import DataError
from amira_training.work_folder import DEV, TRAIN

_REQUIRED = ("path", "text")
_SPLITS = (TRAIN, DEV)
_FEWEST_WORDS = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One recording.

    Attributes:
        split: ``train`` or ``dev``.
        source: the corpus; word error rates are given per source.
        path: the audio file.
        text: the transcript as the source writes it.
        speaker: who; "-" if unknown.
        labelled_by: ``human``, or the model that wrote the text.
    """

    split: str
    source: str
    path: Path
    text: str
    speaker: str = "-"
    labelled_by: str = "human"


def read_manifest(path: Path) -> list[Entry]:
    """The entries of a tab-separated file with a header.

    Columns: ``path`` (relative to the file's folder) and ``text``; where they are given, ``split``
    (else train), ``source`` (else the folder's name), ``speaker`` and ``labelled_by``. Others, such as
    ``seconds``, are ignored.

    Raises:
        DataError: the file cannot be read, lacks a column, or a row is not complete.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read the manifest {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"the manifest {path} is not UTF-8: {error}") from error
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = [name for name in _REQUIRED if name not in (rows.fieldnames or ())]
    if missing:
        raise DataError(f"{path} has no column {' and '.join(missing)}; it needs a header, tab-separated")
    return list(_entries(path, rows))


def _entries(manifest: Path, rows: Iterable[dict[str, str]]) -> Iterator[Entry]:
    folder = manifest.parent
    for number, row in enumerate(rows, 2):
        if not row["path"] or row["text"] is None:
            raise DataError(f"{manifest}, line {number}: path or text is missing")
        split = row.get("split") or TRAIN
        if split not in _SPLITS:
            raise DataError(f"{manifest}, line {number}: split is '{split}', not train or dev")
        yield Entry(
            split=split,
            source=row.get("source") or folder.resolve().name,
            path=folder / row["path"],
            text=row["text"],
            speaker=row.get("speaker") or "-",
            labelled_by=row.get("labelled_by") or "human",
        )


def without_sentences_of(held_out: Iterable[Entry], entries: Iterable[Entry]) -> list[Entry]:
    """The entries whose sentences are not held out.

    Corpora overlap: a recording that is measured on may stand in another one under another name. Texts
    below `_FEWEST_WORDS` words stay, as everybody says them.
    """
    sentences = {normalize(entry.text) for entry in held_out}
    return [entry for entry in entries if not _is_one_of(normalize(entry.text), sentences)]


def _is_one_of(text: str | None, sentences: Set[str | None]) -> bool:
    return text is not None and len(text.split()) >= _FEWEST_WORDS and text in sentences


def evenly(entries: Iterable[Entry], count: int, seed: int) -> list[Entry]:
    """About ``count`` entries, as evenly from all sources as they allow; 0 takes all.

    The same entries come with the same seed, whatever their order.
    """
    if not count:
        return list(entries)
    by_source: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_source[entry.source].append(entry)
    rng = np.random.default_rng(seed)
    shuffled = []
    for _, group in sorted(by_source.items()):
        group.sort(key=lambda entry: entry.path)
        shuffled.append([group[index] for index in rng.permutation(len(group))])
    in_turn = chain.from_iterable(zip_longest(*shuffled))
    return list(islice((entry for entry in in_turn if entry is not None), count))
