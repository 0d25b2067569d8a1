"""The tiny exports have the layouts of real ones: sherpa-onnx runs them, and hears the same.

sherpa-onnx keeps each architecture's states in code of its own, shapes and batch axes written down. So
agreement in batches of streams at different positions holds both to the same layout. Left out:
Conv-Emformer, which it does not run, and Conformer, to which it tells feature frames where the export
wants encoder frames.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sherpa_onnx
import soundfile

pytest.importorskip("torch", reason="torch exports the tiny models")

from amira_decoder.model import TransducerFolder
from amira_decoder.search import SearchOptions
from amira_decoder.search.greedy import GreedySearch
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table
from amira_local.demo import DEMO_CLIP
from tests.support.exports import ARCHITECTURES, write_transducer
from tests.support.features import fbank

SECONDS = (4, 3, 2)
"""Streams of different lengths: they leave the batch at different steps."""


@pytest.fixture(scope="module")
def samples() -> list[np.ndarray]:  # type: ignore[type-arg]  # float32 samples
    clip, rate_hz = soundfile.read(DEMO_CLIP, dtype="float32")
    return [clip[number * 48_000 :][: seconds * rate_hz] for number, seconds in enumerate(SECONDS)]


@pytest.mark.parametrize("architecture", ["lstm", "zipformer", "zipformer2"])
def test_greedy_tokens_equal_sherpas(
    architecture: str,
    samples: list[np.ndarray],  # type: ignore[type-arg]  # float32 samples
    tmp_path: Path,
) -> None:
    model = write_transducer(tmp_path / architecture, ARCHITECTURES[architecture], seed=4)
    theirs, ours = sherpa_tokens(model, samples), our_tokens(model, samples)
    assert all(len(tokens) > 10 for tokens in theirs)
    assert ours == theirs


def sherpa_tokens(model: TransducerFolder, samples: list[np.ndarray]) -> list[list[str]]:  # type: ignore[type-arg]
    recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens=str(model.path / "tokens.txt"),
        encoder=str(model.encoder),
        decoder=str(model.decoder),
        joiner=str(model.joiner),
        num_threads=1,
        decoding_method="greedy_search",
    )
    streams = [recognizer.create_stream() for _ in samples]
    for stream, sound in zip(streams, samples, strict=True):
        stream.accept_waveform(16_000, sound)
        stream.input_finished()
    recognizer.decode_stream(streams[0])  # one step ahead of the others
    while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
        recognizer.decode_streams(ready)
    return [recognizer.tokens(stream) for stream in streams]


def our_tokens(model: TransducerFolder, samples: list[np.ndarray]) -> list[list[str]]:  # type: ignore[type-arg]
    table = load_slot_table(EncoderOptions(model.path, len(samples), "onnxruntime", 1, "f32"))
    search = GreedySearch(model, SearchOptions())
    segments = [search.start_segment(None) for _ in samples]
    size, step = table.geometry.window_frames, table.geometry.chunk_frames
    features = [fbank(sound) for sound in samples]
    # The last window is the last whole one: sherpa-onnx pads no more than what it was given.
    chunks = [(len(frames) - size) // step + 1 for frames in features]
    position = [0] * len(samples)
    batch = [0]  # one step ahead of the others, as above
    while batch:
        windows = [features[row][position[row] * step :][:size] for row in batch]
        frames, accepted = table.step(
            np.stack(windows),
            np.array(batch, np.int32),
            np.array(batch, np.int64),
            np.array([position[row] == 0 for row in batch]),
        )
        assert accepted.all()
        search.advance([segments[row] for row in batch], frames)
        for row in batch:
            position[row] += 1
        batch = [row for row in range(len(samples)) if position[row] < chunks[row]]
    return [
        [model.tokens.pieces[token].replace("\u2581", " ") for token in hypothesis.tokens]
        for hypothesis in search.best(segments)
    ]
