"""Whatever the bytes: features or an InvalidRequestError, never anything else."""

from __future__ import annotations

import contextlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from amira_core.errors import InvalidRequestError
from amira_frontend.pipeline import FeatureStream
from tests.frontend import audio

_SOUND = audio.voice_like(4000)
_FILES = {
    audio.WAV: audio.wav(audio.pcm16(_SOUND)),
    audio.FLAC: audio.encode(_SOUND, 16_000, "FLAC", "PCM_16"),
    audio.OGG_OPUS: audio.encode(_SOUND, 16_000, "OGG", "OPUS"),
}


def feed(encoding: int, rate: int, channels: int, pieces: list[bytes]) -> None:
    with contextlib.suppress(InvalidRequestError):
        stream = FeatureStream(audio.audio_format(encoding, rate, channels))
        for piece in pieces:
            assert np.isfinite(stream.accept(piece)).all()
        assert np.isfinite(stream.finish()).all()


@settings(deadline=None, max_examples=150)
@given(
    encoding=st.sampled_from(audio.ALL_ENCODINGS),
    rate=st.sampled_from([0, 8000, 11_025, 16_000, 48_000]),
    channels=st.integers(0, 8),
    pieces=st.lists(st.binary(max_size=600), max_size=6),
)
def test_random_bytes(encoding: int, rate: int, channels: int, pieces: list[bytes]) -> None:
    feed(encoding, rate, channels, pieces)


@settings(deadline=None, max_examples=200)
@given(encoding=st.sampled_from(list(_FILES)), data=st.data())
def test_files_with_wrong_bytes(encoding: int, data: st.DataObject) -> None:
    file = bytearray(_FILES[encoding])
    # Headers are a small part of a file, and the part where a wrong byte does most.
    places = st.integers(0, 120) | st.integers(0, len(file) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=5)):
        file[place] = data.draw(st.integers(0, 255))
    cuts = data.draw(st.lists(st.integers(0, len(file)), max_size=4))
    feed(encoding, 0, 0, audio.split(bytes(file), cuts))


@settings(deadline=None, max_examples=100)
@given(encoding=st.sampled_from(list(_FILES)), data=st.data())
def test_files_with_pieces_missing_or_doubled(encoding: int, data: st.DataObject) -> None:
    file = _FILES[encoding]
    edges = data.draw(st.lists(st.integers(0, len(file)), min_size=2, max_size=6).map(sorted))
    parts = data.draw(st.permutations(audio.split(file, edges)))
    feed(encoding, 0, 0, list(parts))
