"""Sentences spoken by a speech synthesizer, so that what is said is known and new.

The voice is hibari-tts (Apache-2.0, offline). Models may have been trained on the same voice: what
is held out are the sentences.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.items import Item

DATA = Path(__file__).resolve().parent / "data"
_SEED = 0


class NoVoiceError(Exception):
    """The synthesizer is not installed."""


@dataclass(frozen=True)
class NamedSentence:
    """A sentence with a rare name in it."""

    name: str
    sentence: str


def sentences() -> list[str]:
    """Sixty sentences of everyday, news and book style, written for this evaluation."""
    return (DATA / "sentences.txt").read_text(encoding="utf-8").splitlines()


def named_sentences() -> list[NamedSentence]:
    """Fifty rare names of people and places, each in a sentence of its own."""
    with (DATA / "names.tsv").open(encoding="utf-8") as file:
        return [NamedSentence(*row) for row in csv.reader(file, delimiter="\t")]


def speak(texts: Iterable[str], source: str) -> list[Item]:
    """Speaks each text; the same samples every time.

    Raises:
        NoVoiceError: hibari-tts is not installed.
    """
    try:
        from hibari import Hibari
    except ImportError as error:
        raise NoVoiceError(
            "the speech synthesizer is not installed: pip install 'amira-asr[eval]' (or hibari-tts)"
        ) from error
    voice = Hibari(threads=1)
    return [
        _spoken(voice(text, seed=_SEED), text, f"{source} {number}", source, voice.sample_rate)
        for number, text in enumerate(texts, 1)
    ]


def _spoken(audio: NDArray[np.float32], text: str, name: str, source: str, rate_hz: int) -> Item:
    # Kept at the voice's own rate: the server resamples, as it would for anyone.
    samples = np.round(32767 * np.clip(audio, -1, 1)).astype(np.int16)
    return Item(name, source, samples, text, samples.size / rate_hz, rate_hz)
