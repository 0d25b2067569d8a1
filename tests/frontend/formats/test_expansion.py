"""Few bytes that are much audio: true silence is taken, what nobody recorded is not."""

from __future__ import annotations

import numpy as np
import pytest

from amira_core.errors import MalformedAudioError
from amira_frontend.formats.expansion import FREE_S, MAX_S_PER_KIB, Expansion
from amira_frontend.pipeline import FeatureStream
from fuzz.containers import flac_bomb, opus_bomb
from tests.frontend import audio


def feed(stream: FeatureStream, pieces: list[bytes]) -> int:
    """The frames that come."""
    for piece in pieces:
        stream.accept(piece)
    stream.finish()
    return stream.frames


def frames_of(encoding: int, pieces: list[bytes]) -> int:
    return feed(FeatureStream(audio.audio_format(encoding)), pieces)


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_long_silence_is_taken(rate: int) -> None:
    """The most that libFLAC can make of a few bytes."""
    file = audio.encode(np.zeros((600 * rate, 1), np.float32), rate, "FLAC", "PCM_16")
    assert len(file) < 200_000
    assert frames_of(audio.FLAC, [file]) == 60_000


def test_opus_without_content_is_taken() -> None:
    bomb = opus_bomb(10)
    assert frames_of(audio.OGG_OPUS, [bomb.data]) == 30_600
    assert len(bomb.data) < 10_000


@pytest.mark.parametrize("whole", [True, False])
def test_a_flac_bomb_is_refused(whole: bool) -> None:
    bomb = flac_bomb(200).data
    pieces = [bomb] if whole else audio.split(bomb, range(0, len(bomb), 7))
    stream = FeatureStream(audio.audio_format(audio.FLAC))
    with pytest.raises(MalformedAudioError, match="no recording is so small"):
        feed(stream, pieces)
    assert stream.frames <= 100 * (FREE_S + MAX_S_PER_KIB * len(bomb) / 1024)


def test_the_limit_is_where_it_says() -> None:
    expansion = Expansion()
    expansion.give(FREE_S)
    expansion.take(1024)
    expansion.give(MAX_S_PER_KIB)
    with pytest.raises(MalformedAudioError, match="1024 bytes hold 125 s"):
        expansion.give(1)
