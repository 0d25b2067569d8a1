"""Packed sets of spoken sentences, with pseudo-speakers made by stretching tempo and pitch together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from amira_training.data.audio import RATE_HZ, resample
from amira_training.data.packed_set import PackWriter
from amira_training.errors import VoiceError
from amira_training.synthesis.voices import Voice


def speak_into(
    folder: Path,
    name: str,
    voice: Voice,
    sentences: Sequence[str],
    *,
    source: str,
    seed: int,
    hours: float | None = None,
    resampling: Sequence[float] = (1.0,),
    longest_s: float = 19.0,
) -> Iterator[float]:
    """Writes the set ``name``; yields the seconds so far after each sentence.

    Args:
        folder: where.
        name: of the set.
        voice: who speaks.
        sentences: what, in order, until ``hours`` are full (None: all of them).
        source: the source's name in the index.
        seed: of pace, manner and pseudo-speaker.
        hours: how much speech.
        resampling: factors of length, drawn evenly; 1.1 is slower and deeper by a tenth.
        longest_s: longer results are left out.

    Raises:
        VoiceError: no sentence could be spoken.
    """
    problem: Exception | None = None
    with PackWriter(folder, name) as writer:
        for number, sentence in enumerate(sentences):
            if hours is not None and writer.seconds >= hours * 3600:
                break
            rng = np.random.default_rng([seed, number])
            try:
                spoken = voice.speak(sentence + ".", rng)
            except (RuntimeError, ValueError) as error:  # a sentence that the synthesizer cannot read
                problem = error
                continue
            samples = resample(spoken, voice.rate_hz, RATE_HZ * float(rng.choice(resampling)))
            if 0 < len(samples) <= longest_s * RATE_HZ:
                writer.add(samples, source=source, text=sentence, origin=voice.name)
            yield writer.seconds
        if not writer.recordings:
            raise VoiceError(f"the voice '{voice.name}' spoke none of {len(sentences)} sentences: {problem}")
