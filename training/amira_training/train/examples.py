"""Batches for the three phases, made of plans by the feeder's workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amira_training.augment.chain import Disturber
from amira_training.augment.channel import change_speed
from amira_training.augment.spec_augment import Mask, draw_masks
from amira_training.data.audio import RATE_HZ, Samples
from amira_training.features import frame_count
from amira_training.model import geometry as g
from amira_training.settings import AugmentationSettings, StemSettings
from amira_training.teacher.outputs import at_student_positions
from amira_training.train.corpus import STEP_SAMPLES, Corpus
from amira_training.train.plans import NOISE, Item, Plan

_SILENCES_BEFORE = np.array([0, 0, 800, 3200, 8000])  # samples, drawn evenly
_TAIL_SAMPLES = 4800  # the encoder looks ahead, and tokens come late
_PADDING_LEVEL = 1e-4
_UNSEEN_STEPS = 6  # last positions, whose look-ahead the padding cuts off


@dataclass(frozen=True, slots=True)
class StemBatch:
    """The same pieces, clean for the teacher and disturbed for the student: ``[N, S]`` both."""

    plan: Plan
    clean: NDArray[np.float32]
    disturbed: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """Of audio."""
        return self.clean.size / RATE_HZ


@dataclass(frozen=True, slots=True)
class HeadBatch:
    """What the teacher heard and what was said.

    Attributes:
        plan: what it was made of.
        encoded: the teacher's last layer at positions of 40 ms, ``[N, T, D]``.
        steps: positions of each, ``[N]``.
        tokens: ``[N, U]``, padded with blank; ``token_counts`` of them, ``[N]``.
    """

    plan: Plan
    encoded: NDArray[np.float32]
    steps: NDArray[np.int64]
    tokens: NDArray[np.int64]
    token_counts: NDArray[np.int64]

    @property
    def seconds(self) -> float:
        """Of audio."""
        return float(self.steps.sum()) * g.STEP_MS / 1000


@dataclass(frozen=True, slots=True)
class JointBatch:
    """Disturbed recordings, what was said, and what the teacher heard in the clean ones.

    Attributes:
        plan: what it was made of.
        samples: ``[N, S]``, S a multiple of 640.
        steps: positions of 40 ms of each, ``[N]``.
        vocal_tracts: factors by which frequencies are stretched, ``[N]``.
        hidden_bins: SpecAugment's, ``[N, 80]``; ``hidden_frames`` likewise ``[N, S / 160]``.
        tokens: ``[N, U]``, padded with blank; ``token_counts`` of them, ``[N]``.
        teacher: last and middle layer, ``[N, T, 2 D]``; ``taught`` is 1 where they stand, ``[N, T]``.
    """

    plan: Plan
    samples: NDArray[np.float32]
    steps: NDArray[np.int64]
    vocal_tracts: NDArray[np.float64]
    hidden_bins: Mask
    hidden_frames: Mask
    tokens: NDArray[np.int64]
    token_counts: NDArray[np.int64]
    teacher: NDArray[np.float32]
    taught: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """Of audio."""
        return float(self.steps.sum()) * g.STEP_MS / 1000


@dataclass(frozen=True)
class StemExamples:
    """Makes batches of pieces of recordings."""

    corpus: Corpus
    settings: StemSettings
    disturber: Disturber

    def __call__(self, plan: Plan) -> StemBatch:
        rng = plan.rng()
        pieces = [self._piece(item, rng) for item in plan.items]
        disturbed = [self.disturber.disturb(piece, rng) for piece in pieces]
        return StemBatch(plan, np.stack(pieces), np.stack(disturbed))

    def _piece(self, item: Item, rng: np.random.Generator) -> Samples:
        wanted = int(self.settings.crop_s * RATE_HZ)
        samples = self.corpus.audio(item)
        samples = np.pad(samples, (0, max(0, wanted - len(samples))))
        start = int(rng.integers(0, len(samples) - wanted + 1))
        piece = change_speed(samples[start : start + wanted], rng.uniform(*self.settings.speed_range))
        return np.resize(piece, wanted)  # a faster one begins again


@dataclass(frozen=True)
class HeadExamples:
    """Makes batches of the teacher's outputs. The corpus must have them."""

    corpus: Corpus

    def __call__(self, plan: Plan) -> HeadBatch:
        steps = [(self.corpus.recording(item).samples + _TAIL_SAMPLES) // STEP_SAMPLES for item in plan.items]
        encoded = np.zeros((len(steps), max(steps), g.MODEL_DIM), np.float32)
        for row, (item, count) in enumerate(zip(plan.items, steps, strict=True)):
            outputs = self.corpus.teacher[item[0]]
            assert outputs is not None, "the corpus was opened with the teacher's outputs"
            encoded[row, :count] = at_student_positions(outputs.of(item[1])[:, : g.MODEL_DIM], count)
        tokens, counts = _tokens(self.corpus, plan.items)
        return HeadBatch(plan, encoded, np.array(steps), tokens, counts)


@dataclass(frozen=True)
class JointExamples:
    """Makes batches of disturbed recordings."""

    corpus: Corpus
    settings: AugmentationSettings
    disturber: Disturber

    def __call__(self, plan: Plan) -> JointBatch:
        rng = plan.rng()
        heard = [self._heard(item, rng) for item in plan.items]
        samples = _padded([example.samples for example in heard], rng)
        frames = frame_count(samples.shape[1])
        masks = [
            draw_masks(g.FBANK_BINS, example.steps * g.FRAMES_PER_STEP, self.settings, rng)
            for example in heard
        ]
        hidden_frames = np.zeros((len(heard), frames), np.bool_)
        teacher = np.zeros((len(heard), frames // g.FRAMES_PER_STEP, 2 * g.MODEL_DIM), np.float32)
        taught = np.zeros(teacher.shape[:2], np.float32)
        for row, (example, mask) in enumerate(zip(heard, masks, strict=True)):
            hidden_frames[row, : len(mask.frames)] = mask.frames
            if example.teacher is not None:
                end = max(1, example.steps - _UNSEEN_STEPS)
                teacher[row, :end] = example.teacher[:end]
                taught[row, 1:end] = 1
        tokens, counts = _tokens(self.corpus, plan.items)
        return JointBatch(
            plan=plan,
            samples=samples,
            steps=np.array([example.steps for example in heard]),
            vocal_tracts=np.array([self.disturber.draw_vocal_tract(rng) for _ in heard]),
            hidden_bins=np.stack([mask.bins for mask in masks]),
            hidden_frames=hidden_frames,
            tokens=tokens,
            token_counts=counts,
            teacher=teacher,
            taught=taught,
        )

    def _heard(self, item: Item, rng: np.random.Generator) -> _Heard:
        if item[1] == NOISE:
            noise = self.disturber.noise_only(rng)
            return _Heard(noise, len(noise) // STEP_SAMPLES, None)
        speed = self.disturber.draw_speed(rng)
        before = int(rng.choice(_SILENCES_BEFORE))
        clean = np.pad(change_speed(self.corpus.audio(item), speed), (before, _TAIL_SAMPLES))
        steps = len(clean) // STEP_SAMPLES
        outputs = self.corpus.teacher[item[0]]
        teacher = None
        if outputs is not None:
            silence_ms = before / RATE_HZ * 1000
            teacher = at_student_positions(outputs.of(item[1]), steps, speed=speed, silence_ms=silence_ms)
        return _Heard(self.disturber.disturb(clean, rng), steps, teacher)


@dataclass(frozen=True, slots=True)
class _Heard:
    samples: Samples
    steps: int
    teacher: NDArray[np.float32] | None


def _padded(recordings: Sequence[Samples], rng: np.random.Generator) -> NDArray[np.float32]:
    longest = -(-max(map(len, recordings)) // STEP_SAMPLES) * STEP_SAMPLES
    padded = rng.standard_normal((len(recordings), longest), np.float32) * np.float32(_PADDING_LEVEL)
    for row, samples in enumerate(recordings):
        padded[row, : len(samples)] = samples
    return padded


def _tokens(corpus: Corpus, items: Sequence[Item]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    said = [
        corpus.tokens[number][index] if index != NOISE else np.zeros(0, np.int64) for number, index in items
    ]
    counts = np.array([len(tokens) for tokens in said], np.int64)
    padded = np.full((len(said), max(1, counts.max())), g.BLANK, np.int64)
    for row, tokens in enumerate(said):
        padded[row, : len(tokens)] = tokens
    return padded, counts
