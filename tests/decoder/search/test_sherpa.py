"""Greedy search gives what sherpa-onnx gives on the same model and audio, token for token."""

from __future__ import annotations

from pathlib import Path

import pytest
import sherpa_onnx

from amira_decoder.model import TransducerFolder
from amira_decoder.search import Method, Search
from tests.decoder.search.conftest import Spoken
from tests.decoder.search.decoding import decode_batch
from tests.decoder.search.encoded_speech import delay_frames, frame_ms, samples_of


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
        # sherpa-onnx knows nothing of late encoders: it searches their first outputs too, and counts them.
        times = [(frame + delay_frames()) * frame_ms() / 1000 for frame in hypothesis.frames]
        assert times == pytest.approx(sherpa.timestamps(stream), abs=1e-3)
    assert sum(bool(hypothesis.tokens) for hypothesis in ours) > 0.9 * len(spoken)
