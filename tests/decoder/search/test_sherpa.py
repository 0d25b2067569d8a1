"""Greedy search gives what sherpa-onnx gives on the same model and audio, token for token."""

from __future__ import annotations

from pathlib import Path

import pytest
import sherpa_onnx

from amira_decoder.model import TransducerFolder
from amira_decoder.search import Method, Search
from tests.decoder.search.conftest import Spoken
from tests.decoder.search.decoding import decode_batch
from tests.decoder.search.encoded_speech import samples_of

FRAME_SECONDS = 0.04


@pytest.fixture(scope="module")
def sherpa(model_dir: Path) -> sherpa_onnx.OnlineRecognizer:
    return sherpa_onnx.OnlineRecognizer.from_transducer(
        tokens=str(model_dir / "tokens.txt"),
        encoder=str(model_dir / "encoder.onnx"),
        decoder=str(model_dir / "decoder.onnx"),
        joiner=str(model_dir / "joiner.onnx"),
        num_threads=1,
        decoding_method="greedy_search",
    )


def test_greedy_equals_sherpa(
    sherpa: sherpa_onnx.OnlineRecognizer,
    searches: dict[Method, Search],
    starter: TransducerFolder,
    spoken: list[Spoken],
) -> None:
    ours = decode_batch(searches["greedy"], [utterance.frames for utterance in spoken])
    for utterance, hypothesis in zip(spoken, ours, strict=True):
        stream = sherpa.create_stream()
        stream.accept_waveform(16_000, samples_of(utterance.path))
        stream.input_finished()
        while sherpa.is_ready(stream):
            sherpa.decode_stream(stream)
        assert [
            starter.tokens.pieces[token].replace("▁", " ") for token in hypothesis.tokens
        ] == sherpa.tokens(stream)
        times = [frame * FRAME_SECONDS for frame in hypothesis.frames]
        assert times == pytest.approx(sherpa.timestamps(stream), abs=1e-3)
        assert hypothesis.tokens
