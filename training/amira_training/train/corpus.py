"""Everything there is to train on: packed sets, their tokens, and the teacher's outputs for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amira_training.data.audio import RATE_HZ, Samples
from amira_training.data.batching import batches_by_length
from amira_training.data.packed_set import PackedSet, Recording, open_set
from amira_training.model.geometry import STEP_MS
from amira_training.settings import AugmentationSettings, DataSettings
from amira_training.teacher.outputs import TeacherOutputs, open_outputs
from amira_training.tokens import Tokens
from amira_training.train.plans import NOISE, Item
from amira_training.work_folder import WorkFolder

STEP_SAMPLES = RATE_HZ * STEP_MS // 1000

_SPARE_STEPS = 2  # more positions than tokens, so that no token is squeezed
_NOISE_SAMPLES = 5 * RATE_HZ  # on average
_SLOWEST = 1.08  # what a recording is reckoned to grow by: speed changes, mostly
_ADDED_SAMPLES = 9000  # and silence around it


@dataclass(frozen=True)
class Corpus:
    """Read-only; pickles for worker processes.

    Attributes:
        sets: packed recordings; the first is real speech.
        tokens: of each recording of each set, ``[U]``.
        teacher: outputs per set; None where there are none.
        data: which recordings are used.
    """

    sets: Sequence[PackedSet]
    tokens: Sequence[Sequence[NDArray[np.int64]]]
    teacher: Sequence[TeacherOutputs | None]
    data: DataSettings

    def audio(self, item: Item) -> Samples:
        """Samples ``[n]``."""
        return self.sets[item[0]].audio(item[1])

    def recording(self, item: Item) -> Recording:
        """Its line in the index."""
        return self.sets[item[0]].recordings[item[1]]

    def some_speech(self, rng: np.random.Generator) -> Samples:
        """Any real recording, for babble."""
        return self.sets[0].audio(int(rng.integers(len(self.sets[0]))))

    def usable(self) -> list[Item]:
        """Recordings of fitting length, with words, but not more of them than positions."""
        return [
            (number, index)
            for number, packed in enumerate(self.sets)
            for index, recording in enumerate(packed.recordings)
            if self._is_usable(recording, len(self.tokens[number][index]))
        ]

    def _is_usable(self, recording: Recording, tokens: int) -> bool:
        steps = recording.samples * 0.9 / STEP_SAMPLES  # at a high speed
        return recording.seconds <= self.data.longest_s and 0 < tokens < steps - _SPARE_STEPS


def open_corpus(work: WorkFolder, tokens: Tokens, data: DataSettings, *, taught: bool) -> Corpus:
    """The corpus of a work folder.

    Args:
        work: after `prepare`, perhaps `synthesize`.
        tokens: the vocabulary.
        data: which recordings are used.
        taught: whether the teacher's outputs are needed.

    Raises:
        MissingStepError: there are no recordings.
        DataError: a set or the teacher's outputs are missing or damaged.
    """
    sets = [open_set(work.audio, name) for name in work.training_sets()]
    teacher: list[TeacherOutputs | None] = [None] * len(sets)
    if taught:
        teacher = [open_outputs(work.teacher, packed.name, len(packed)) for packed in sets]
    encoded = [[tokens.encode(recording.text) for recording in packed.recordings] for packed in sets]
    return Corpus(sets, encoded, teacher, data)


@dataclass(frozen=True)
class EpochByLength:
    """Deals batches of about one length.

    Attributes:
        corpus: where recordings come from.
        items: the ones to deal.
        batch_seconds: the most that a padded batch may hold.
        augmentation: how many utterances of noise alone come with them; None: none.
    """

    corpus: Corpus
    items: Sequence[Item]
    batch_seconds: float
    augmentation: AugmentationSettings | None = None

    def __call__(self, rng: np.random.Generator) -> list[list[Item]]:
        """An epoch: which recordings of a source are heard (once more) is drawn anew."""
        times = self.corpus.data.times
        draws = rng.random(len(self.items))
        heard = [
            item
            for item, draw in zip(self.items, draws, strict=True)
            for _ in range(int(draw + times.get(self.corpus.recording(item).source, 1.0)))
        ]
        if self.augmentation and heard:
            heard += [(0, NOISE)] * round(len(heard) * self.augmentation.noise_only)
        lengths = np.array([self._samples(item) for item in heard], np.int64)
        batches = batches_by_length(lengths, int(self.batch_seconds * RATE_HZ), rng)
        return [[heard[index] for index in batch] for batch in batches]

    def _samples(self, item: Item) -> int:
        samples = _NOISE_SAMPLES if item[1] == NOISE else self.corpus.recording(item).samples
        return int(samples * _SLOWEST) + _ADDED_SAMPLES
