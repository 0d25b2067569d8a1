"""The exported step computes, chunk by chunk, what training computes over whole utterances."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from amira_training.model import geometry as g
from amira_training.model.streaming_encoder import StreamingEncoder
from amira_training.model.streaming_step import StreamingStep

_CHUNKS = 7
_CHUNKINGS = [g.Chunking(4, 11), g.Chunking(8, 15), g.Chunking(16, 30)]


@pytest.fixture(scope="module")
def encoder() -> StreamingEncoder:
    torch.manual_seed(0)
    encoder = StreamingEncoder().eval()
    torch.nn.init.normal_(encoder.before_start)
    return encoder


def _features(chunking: g.Chunking, streams: int) -> Tensor:
    """One chunk more than is stepped through: the end of whole utterances looks ahead into zeros."""
    torch.manual_seed(1)
    return torch.randn(streams, (_CHUNKS + 1) * chunking.chunk_frames, g.FBANK_BINS)


def _whole(encoder: StreamingEncoder, features: Tensor, chunking: g.Chunking) -> Tensor:
    outputs: Tensor = encoder.delayed(encoder(features, chunking))
    return outputs[:, : _CHUNKS * chunking.chunk_steps]


def _window(features: Tensor, chunk: int, chunking: g.Chunking) -> Tensor:
    start = chunk * chunking.chunk_frames
    return features[:, start : start + chunking.input_frames]


@pytest.mark.parametrize("chunking", _CHUNKINGS, ids=str)
@torch.no_grad()
def test_steps_equal_the_whole_utterance(encoder: StreamingEncoder, chunking: g.Chunking) -> None:
    features = _features(chunking, 2)
    step = StreamingStep(encoder, chunking)
    h, c = torch.zeros(1, 2, chunking.state_size), torch.zeros(1, 2, 1)
    outputs = []
    for chunk in range(_CHUNKS):
        out, h, c = step(_window(features, chunk, chunking), h, c)
        outputs.append(out)
    torch.testing.assert_close(
        torch.cat(outputs, 1), _whole(encoder, features, chunking), atol=2e-4, rtol=1e-4
    )


@torch.no_grad()
def test_streams_of_different_age_share_a_batch(encoder: StreamingEncoder) -> None:
    chunking = _CHUNKINGS[1]
    features = _features(chunking, 2)
    step = StreamingStep(encoder, chunking)
    states = [(torch.zeros(1, 1, chunking.state_size), torch.zeros(1, 1, 1)) for _ in range(2)]
    older, younger = [], []
    for tick in range(_CHUNKS):
        live = [0, 1] if tick >= 3 else [0]
        x = torch.cat([_window(features[row : row + 1], tick - 3 * row, chunking) for row in live])
        h, c = (torch.cat([states[row][part] for row in live], 1) for part in range(2))
        out, h, c = step(x, h, c)
        for row in live:
            states[row] = (h[:, row : row + 1], c[:, row : row + 1])
        older.append(out[:1])
        younger += [out[1:]] if len(live) == 2 else []
    expected = _whole(encoder, features, chunking)
    torch.testing.assert_close(torch.cat(older, 1), expected[:1], atol=2e-4, rtol=1e-4)
    seen = 4 * chunking.chunk_steps
    torch.testing.assert_close(torch.cat(younger, 1), expected[1:, :seen], atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("chunking", _CHUNKINGS, ids=str)
@torch.no_grad()
def test_outputs_of_a_chunk_do_not_depend_on_later_audio(
    encoder: StreamingEncoder, chunking: g.Chunking
) -> None:
    features = _features(chunking, 1)
    changed = features.clone()
    heard = 3 * chunking.chunk_frames + g.STEM_LOOKAHEAD_FRAMES
    changed[:, heard:] += 5
    before, after = (_whole(encoder, x, chunking) for x in (features, changed))
    done = 3 * chunking.chunk_steps
    torch.testing.assert_close(after[:, :done], before[:, :done], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(after[:, done:], before[:, done:], atol=1e-2)


@torch.no_grad()
def test_first_outputs_stand_for_time_before_the_stream(encoder: StreamingEncoder) -> None:
    chunking = _CHUNKINGS[0]
    outputs = _whole(encoder, _features(chunking, 1), chunking)
    assert torch.equal(
        outputs[0, : g.OUTPUT_DELAY_STEPS], encoder.before_start.expand(g.OUTPUT_DELAY_STEPS, -1)
    )


@torch.no_grad()
def test_long_streams_do_not_drift(encoder: StreamingEncoder) -> None:
    """The counter of positions stops; what a stream gives depends on its recent past alone."""
    chunking = _CHUNKINGS[1]
    step = StreamingStep(encoder, chunking)
    features = _features(chunking, 1)
    h = torch.zeros(1, 2, chunking.state_size)
    c = torch.tensor([[[500.0], [4096.0]]])
    out = torch.zeros(0)
    for chunk in range(_CHUNKS):
        out, h, c = step(_window(features, chunk, chunking).expand(2, -1, -1), h, c)
    torch.testing.assert_close(out[0], out[1], atol=1e-5, rtol=1e-5)
    assert c.flatten().tolist() == [500.0 + _CHUNKS * chunking.chunk_steps, 4096.0]


def test_more_left_context_than_the_counter_holds_is_refused(encoder: StreamingEncoder) -> None:
    with pytest.raises(ValueError, match="left_steps=5000"):
        StreamingStep(encoder, g.Chunking(8, 5000))


@pytest.mark.parametrize(("chunk_ms", "steps"), [(160, 4), (320, 8), (640, 16)])
def test_chunking_by_milliseconds(chunk_ms: int, steps: int) -> None:
    chunking = g.Chunking.of_chunk_ms(chunk_ms, 63)
    assert chunking.chunk_steps == steps
    assert chunking.chunk_frames * g.FRAME_SHIFT_MS == chunk_ms
    assert chunking.input_frames == chunking.chunk_frames + g.STEM_LOOKAHEAD_FRAMES


def test_impossible_chunkings() -> None:
    with pytest.raises(ValueError, match="multiple of 40"):
        g.Chunking.of_chunk_ms(100, 63)
    with pytest.raises(ValueError, match="chunk_steps"):
        g.Chunking(0, 63)
    with pytest.raises(ValueError, match="left_steps"):
        g.Chunking(8, -1)
