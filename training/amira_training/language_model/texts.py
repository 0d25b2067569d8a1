"""The sentences that a language model learns from, and those it must not have seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from amira_training.data.packed_set import read_index
from amira_training.errors import DataError
from amira_training.synthesis.sentences import read_sentences

SHARED_WORDS = 6
"""A sentence with this many words in a row from a held-out text is left out."""


def read_texts(path: Path) -> list[str]:
    """Normalized sentences of a text file (one per line, ``.gz`` too) or of a packed set's index (``.tsv``).

    Raises:
        DataError: the file cannot be read or has no usable sentence.
    """
    if path.suffix != ".tsv":
        return read_sentences(path)
    texts = list(dict.fromkeys(recording.text for recording in read_index(path)))
    if not texts:
        raise DataError(f"{path} lists no recording")
    return texts


class HeldOut:
    """Word sequences that no training sentence may hold."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs = {run for text in texts for run in _runs(text.split())}

    def __len__(self) -> int:
        return len(self._runs)

    def keep_out(self, sentences: Sequence[str]) -> list[str]:
        """The sentences that share no run of :data:`SHARED_WORDS` words with a held-out text.

        A shorter held-out text is one run: it is kept out where a whole sentence repeats it.
        """
        return [text for text in sentences if self._runs.isdisjoint(_runs(text.split()))]


def _runs(words: list[str]) -> Iterator[str]:
    for begin in range(max(1, len(words) - SHARED_WORDS + 1)):
        yield " ".join(words[begin : begin + SHARED_WORDS])
