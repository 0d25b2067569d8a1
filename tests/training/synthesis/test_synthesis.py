"""Sentences are dealt so that nobody hears the held-out ones in training; voices speak into packed sets."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amira_training.data.packed_set import PackedSet
from amira_training.errors import DataError, VoiceError
from amira_training.synthesis.sentences import deal, read_sentences
from amira_training.synthesis.speaking import speak_into
from amira_training.synthesis.voices import Voice, open_voice

SENTENCES = [
    f"the tower has {'very ' * (n % 9)}{chr(97 + n % 26)}{chr(97 + n // 26)} bells" for n in range(200)
]


@given(st.integers(1, 50), st.integers(0, 1000))
def test_nobody_hears_a_sentence_twice(held_out: int, seed: int) -> None:
    kept, dealt = deal(SENTENCES, ["a", "b"], held_out=held_out, words=(1, 30), seed=seed)
    everything = [*kept, *dealt["a"], *dealt["b"]]
    assert len(kept) == held_out
    assert sorted(everything) == sorted(SENTENCES)
    assert abs(len(dealt["a"]) - len(dealt["b"])) <= 1


def test_only_sentences_of_fitting_length() -> None:
    kept, dealt = deal(SENTENCES, ["a"], held_out=5, words=(6, 8), seed=0)
    assert {len(sentence.split()) for sentence in [*kept, *dealt["a"]]} == {6, 7, 8}
    with pytest.raises(DataError, match="only 0 sentences have 40 to 50 words"):
        deal(SENTENCES, ["a"], held_out=5, words=(40, 50), seed=0)


def test_sentences_are_read_normalized_and_once(tmp_path: Path) -> None:
    text = "It\u2019s late.\nit's late\n\nRoom 12\nA bell!\n"
    (tmp_path / "text").write_text(text)
    (tmp_path / "text.gz").write_bytes(gzip.compress(text.encode()))
    assert (
        read_sentences(tmp_path / "text") == read_sentences(tmp_path / "text.gz") == ["it's late", "a bell"]
    )


@pytest.mark.parametrize("content", [b"", b"12\n13\n", b"\xff\xfe\xfd"])
def test_no_usable_text_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text").write_bytes(content)
    with pytest.raises(DataError):
        read_sentences(tmp_path / "text")
    (tmp_path / "text.gz").write_bytes(b"no gzip")
    with pytest.raises(DataError, match="cannot read"):
        read_sentences(tmp_path / "text.gz")


def whistle(sentence: str, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A voice that whistles at 1 kHz, longer for longer sentences."""
    if "xx" in sentence:
        raise ValueError("unpronounceable")
    time_s = np.arange(len(sentence) * 1200) / 24000
    return (0.5 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32)


WHISTLER = Voice("whistler", 24000, whistle)


def test_pseudo_speakers_stretch_tempo_and_pitch(tmp_path: Path) -> None:
    for name, factor in (("plain", 1.0), ("slow", 1.25)):
        list(speak_into(tmp_path, name, WHISTLER, ["a bell"], source="s", seed=0, resampling=[factor]))
    plain, slow = (PackedSet(tmp_path, name).audio(0) for name in ("plain", "slow"))
    assert len(slow) == pytest.approx(1.25 * len(plain), abs=2)
    peaks = [np.argmax(np.abs(np.fft.rfft(audio))) * 16000 / len(audio) for audio in (plain, slow)]
    assert peaks == pytest.approx([1000, 800], abs=5)


def test_it_stops_when_the_hours_are_full_and_skips_what_cannot_be_said(tmp_path: Path) -> None:
    sentences = ["xx", "a bell", "a long sentence that takes its time", "never reached"]
    options = {"source": "s", "seed": 0, "hours": 1.5 / 3600, "longest_s": 5.0}
    done = list(speak_into(tmp_path, "set", WHISTLER, sentences, **options))  # type: ignore[arg-type]  # by name
    packed = PackedSet(tmp_path, "set")
    assert [recording.text for recording in packed.recordings] == sentences[1:3]
    assert done[-1] == pytest.approx(packed.hours * 3600)


def test_a_voice_that_says_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="unpronounceable"):
        list(speak_into(tmp_path, "set", WHISTLER, ["xx"], source="s", seed=0))
    assert list(tmp_path.iterdir()) == []


def test_unknown_voices_are_named() -> None:
    with pytest.raises(VoiceError, match="there are hibari, piper"):
        open_voice("bob")


def test_hibari_speaks_the_same_for_the_same_seed(tmp_path: Path) -> None:
    pytest.importorskip("hibari")
    voice = open_voice("hibari")
    for name in ("one", "two"):
        list(speak_into(tmp_path, name, voice, ["hello there"], source="s", seed=4, resampling=[0.9]))
    one, two = (PackedSet(tmp_path, name).audio(0) for name in ("one", "two"))
    np.testing.assert_array_equal(one, two)
    assert 0.4 < len(one) / 16000 < 3
    assert one.std() > 0.01
