"""Sizes and timing of the streaming encoder: one place, read by training, export and the card."""

from __future__ import annotations

from dataclasses import dataclass

FBANK_BINS = 80
FRAME_SHIFT_MS = 10
FRAMES_PER_STEP = 4  # fbank frames per encoder position and output (40 ms)
STEP_MS = FRAME_SHIFT_MS * FRAMES_PER_STEP

MODEL_DIM = 288
HEADS = 8
HEAD_DIM = MODEL_DIM // HEADS
ROTARY_DIM = 32
ROTARY_BASE = 10000.0
TEACHER_STEP_MS = 24  # between positions of Moonshine's encoder, whose weights are the start
LAYERS = 6

STEM_HISTORY_FRAMES = 7  # fbank frames before a chunk that the convolutions look back on
STEM_LOOKAHEAD_FRAMES = 2  # and after it
LAYER_LOOKAHEAD_STEPS = 1  # positions after its chunk that a layer attends to
OUTPUT_DELAY_STEPS = LAYERS * LAYER_LOOKAHEAD_STEPS

STEM_CHANNELS = 576
BOTTLENECK_DIM = 512
JOINER_DIM = 256
PREDICTOR_DIM = 256
CONTEXT_SIZE = 2
BLANK = 0


@dataclass(frozen=True)
class Chunking:
    """How a stream is cut: one chunk per call, keys and values kept from before it.

    Attributes:
        chunk_steps: positions of 40 ms per chunk.
        left_steps: positions before the chunk that every layer attends to.
    """

    chunk_steps: int
    left_steps: int

    def __post_init__(self) -> None:
        if self.chunk_steps < 1:
            raise ValueError(f"chunk_steps must be positive, not {self.chunk_steps}")
        if self.left_steps < 0:
            raise ValueError(f"left_steps must not be negative, not {self.left_steps}")

    @classmethod
    def of_chunk_ms(cls, chunk_ms: int, left_steps: int) -> Chunking:
        """The chunking of ``chunk_ms`` milliseconds, a multiple of 40."""
        if chunk_ms % STEP_MS:
            raise ValueError(f"chunk_ms must be a multiple of {STEP_MS}, not {chunk_ms}")
        return cls(chunk_ms // STEP_MS, left_steps)

    @property
    def chunk_frames(self) -> int:
        """fbank frames by which the input moves on from call to call."""
        return self.chunk_steps * FRAMES_PER_STEP

    @property
    def input_frames(self) -> int:
        """fbank frames per call: the chunk and what the convolutions look ahead."""
        return self.chunk_frames + STEM_LOOKAHEAD_FRAMES

    @property
    def key_history_steps(self) -> int:
        """Keys and values kept per layer between calls."""
        return self.left_steps + LAYER_LOOKAHEAD_STEPS

    @property
    def layer_state_size(self) -> int:
        """Floats kept per layer: keys, values, and the positions whose look-ahead is yet to come."""
        return (2 * self.key_history_steps + LAYER_LOOKAHEAD_STEPS) * MODEL_DIM

    @property
    def state_size(self) -> int:
        """Floats of state ``h`` per stream."""
        return STEM_HISTORY_FRAMES * FBANK_BINS + LAYERS * self.layer_state_size
