"""A stream that begins where another frontend's ended: its frames are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_core.errors import InvalidSettingError
from amira_frontend.pipeline import FeatureStream
from tests.frontend import audio

SECONDS = 4
RATES = [8000, 11_025, 16_000, 22_050, 44_100, 44_101, 48_000]
PCM = {audio.LINEAR16: 2, audio.FLOAT32: 4, audio.MULAW: 1, audio.ALAW: 1}
"""Bytes per sample."""
UNLIKE_FRAMES = 2
"""Those after a start that miss the sound before it."""


def speech_like(encoding: int, rate: int, channels: int, samples: int) -> bytes:
    """Sound with no silence at whole seconds, where a start would be too easy."""
    sound = np.roll(audio.voice_like(samples, channels, rate), rate // 5, axis=0)
    if encoding == audio.LINEAR16:
        return audio.pcm16(sound)
    if encoding == audio.FLOAT32:
        return sound.astype("<f4").tobytes()
    codes = np.round(127 * sound / np.abs(sound).max()) + 128  # any byte is a sample
    return codes.astype(np.uint8).tobytes()


def extract(
    audio_format: audio.frontend_pb2.AudioFormat, pieces: list[bytes]
) -> tuple[audio.Float32s, tuple[int, int, int]]:
    """All frames, and the counts at the end."""
    stream = FeatureStream(audio_format)
    first = stream.frames
    assert first * audio_format.sample_rate_hz == 100 * audio_format.first_sample
    frames = np.concatenate([*(stream.accept(piece) for piece in pieces), stream.finish()])
    assert first + len(frames) == stream.frames
    return frames, (stream.frames, stream.samples, stream.received_samples)


@settings(deadline=None, max_examples=60)
@given(
    encoding=st.sampled_from(list(PCM)),
    rate=st.sampled_from(RATES),
    channels=st.integers(1, 3),
    tail=st.integers(0, 1000) | st.integers(0, 48_000),
    start=st.integers(1, SECONDS),
    data=st.data(),
)
def test_the_frames_are_those_of_the_whole(
    encoding: int, rate: int, channels: int, tail: int, start: int, data: st.DataObject
) -> None:
    channel = data.draw(st.integers(0, channels - 1))
    whole = speech_like(encoding, rate, channels, SECONDS * rate + tail)
    audio_format = audio.audio_format(encoding, rate, channels, channel)
    expected, counts = extract(audio_format, [whole])
    audio_format.first_sample = start * rate
    rest = whole[start * rate * channels * PCM[encoding] :]
    cuts = data.draw(st.lists(st.integers(0, len(rest)), max_size=20))
    frames, later_counts = extract(audio_format, audio.split(rest, cuts))
    assert later_counts == counts
    np.testing.assert_array_equal(frames[UNLIKE_FRAMES:], expected[100 * start + UNLIKE_FRAMES :])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("tail", [0, 1, 79, 80, 239, 240, 300])
def test_streams_that_end_just_after_the_start(rate: int, tail: int) -> None:
    """Mirror images at the end of the recording may reach back to the start."""
    whole = speech_like(audio.LINEAR16, rate, 1, rate + tail * rate // 16_000)
    audio_format = audio.audio_format(audio.LINEAR16, rate)
    _, counts = extract(audio_format, [whole])
    audio_format.first_sample = rate
    _, later_counts = extract(audio_format, [whole[2 * rate :]])
    assert later_counts == counts


@pytest.mark.parametrize(
    ("encoding", "rate", "first_sample"),
    [
        (audio.LINEAR16, 16_000, 1),
        (audio.LINEAR16, 16_000, 16_001),
        (audio.MULAW, 8000, 4000),
        (audio.FLOAT32, 44_100, 48_000),
        (audio.LINEAR16, 16_000, -16_000),
        (audio.LINEAR16, 16_000, 2**63 - 1 - (2**63 - 1) % 16_000),
        (audio.WAV, 16_000, 16_000),
        (audio.FLAC, 0, 16_000),
        (audio.OGG_OPUS, 0, -1),
    ],
)
def test_starts_that_cannot_be_are_refused(encoding: int, rate: int, first_sample: int) -> None:
    audio_format = audio.audio_format(encoding, rate)
    audio_format.first_sample = first_sample
    with pytest.raises(InvalidSettingError, match="first_sample"):
        FeatureStream(audio_format)


def test_a_year_into_a_stream() -> None:
    audio_format = audio.audio_format(audio.LINEAR16, 48_000)
    audio_format.first_sample = 365 * 24 * 3600 * 48_000
    _, (frames, samples, received) = extract(audio_format, [bytes(2 * 48_000)])
    assert (frames, samples, received) == (100 * (365 * 24 * 3600 + 1), 160 * frames, 160 * frames)
