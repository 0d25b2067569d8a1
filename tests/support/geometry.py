"""The sizes and times of a model folder's encoder, read from its files: tests hold for any model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from amira_decoder.encoder import EncoderGeometry
from amira_encoder.engine import open_engine
from amira_encoder.graph import read_graph
from amira_encoder.graph_runner import GraphRunner
from amira_encoder.model_folder import find_encoder

FRAME_MS = 10
"""From one feature frame to the next."""


@cache
def geometry_of(model_dir: Path) -> EncoderGeometry:
    """Window, chunk, outputs and delay of the folder's encoder; it is run once to see its output."""
    path = find_encoder(model_dir)
    return GraphRunner(read_graph(path), open_engine(path, "onnxruntime", 1), 1).geometry


def chunk_ms(geometry: EncoderGeometry) -> int:
    """Audio that a step consumes."""
    return geometry.chunk_frames * FRAME_MS


def encoder_frame_ms(geometry: EncoderGeometry) -> int:
    """From one encoder frame to the next."""
    return chunk_ms(geometry) // geometry.output_frames


def lengths_around_a_chunk(geometry: EncoderGeometry) -> list[int]:
    """Feature frames of streams so short that padding, window or delay could be got wrong."""
    chunk, window = geometry.chunk_frames, geometry.window_frames
    lengths = {0, 1, chunk // 2, chunk - 1, chunk, chunk + 1, window - 1, window, window + 1, 2 * chunk}
    return sorted(lengths | {geometry.delay_frames, geometry.delay_frames + 1})
