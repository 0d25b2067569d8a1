"""Word error rates per source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from amira_training.data.packed_set import PackedSet
from amira_training.evaluate.recognize import Recognizer
from amira_training.model.geometry import Chunking

_SEED = 0


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors in the transcripts of one source at one chunk size."""

    source: str
    chunk_ms: int
    utterances: int
    words: int
    substitutions: int
    deletions: int
    insertions: int

    @property
    def rate(self) -> float:
        """Word error rate in per cent."""
        return 100 * (self.substitutions + self.deletions + self.insertions) / self.words


def measure(
    recognizer: Recognizer, packed: PackedSet, chunk_ms: int, left_steps: int, utterances: int
) -> list[WordErrors]:
    """Word errors of each source of a set.

    Args:
        recognizer: the network.
        packed: recordings with their texts.
        chunk_ms: chunk size, a multiple of 40.
        left_steps: left context.
        utterances: at most this many per source, the same ones every time; 0: all.
    """
    chunking = Chunking.of_chunk_ms(chunk_ms, left_steps)
    chosen = {source: _some(packed, source, utterances) for source in packed.sources()}
    indices = [index for group in chosen.values() for index in group]
    heard = dict(zip(indices, recognizer.transcribe(packed, indices, chunking), strict=True))
    return [
        _count(
            source,
            chunk_ms,
            [packed.recordings[index].text for index in group],
            [heard[index] for index in group],
        )
        for source, group in chosen.items()
    ]


def _some(packed: PackedSet, source: str, utterances: int) -> list[int]:
    group = [index for index, recording in enumerate(packed.recordings) if recording.source == source]
    if not utterances or utterances >= len(group):
        return group
    return sorted(np.random.default_rng(_SEED).choice(group, utterances, replace=False).tolist())


def _count(source: str, chunk_ms: int, wanted: Sequence[str], heard: Sequence[str]) -> WordErrors:
    found = jiwer.process_words(list(wanted), list(heard))
    words = found.hits + found.substitutions + found.deletions
    return WordErrors(
        source, chunk_ms, len(wanted), words, found.substitutions, found.deletions, found.insertions
    )
