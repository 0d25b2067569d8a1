"""Which sentences are spoken by whom, and which are kept for measuring."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from amira_training.data.text import normalize
from amira_training.errors import DataError


def read_sentences(path: Path) -> list[str]:
    """Normalized lines of a text file (``.gz`` too), one sentence each, without repetitions.

    Raises:
        DataError: the file cannot be read or has no usable sentence.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read sentences from {path}: {error}") from error
    sentences = list(dict.fromkeys(filter(None, map(normalize, text.splitlines()))))
    if not sentences:
        raise DataError(f"{path} has no usable sentence: one per line, letters only, no digits")
    return sentences


def deal(
    sentences: Sequence[str], voices: Sequence[str], *, held_out: int, words: tuple[int, int], seed: int
) -> tuple[list[str], dict[str, list[str]]]:
    """Shuffles the sentences of fitting length and deals them out.

    A voice's sentences do not depend on which other voices take part now.

    Args:
        sentences: all there are.
        voices: every voice there could be, in a fixed order.
        held_out: how many are kept for measuring; the same for the same seed.
        words: fewest and most words.
        seed: of the shuffle.

    Returns:
        The held-out sentences and each voice's own.

    Raises:
        DataError: too few fit.
    """
    shortest, longest = words
    fitting = [sentence for sentence in sentences if shortest <= len(sentence.split()) <= longest]
    if len(fitting) < held_out + len(voices):
        raise DataError(
            f"only {len(fitting)} sentences have {shortest} to {longest} words, {held_out} are to be held out"
        )
    shuffled = [fitting[index] for index in np.random.default_rng(seed).permutation(len(fitting))]
    dealt = {voice: shuffled[held_out + turn :: len(voices)] for turn, voice in enumerate(voices)}
    return shuffled[:held_out], dealt
