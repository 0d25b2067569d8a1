"""What streams say."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from amira.asr.v1 import config_pb2
from chaos.scripts import MANNERS, SAMPLE_RATE_HZ, find_clips, write_scripts, write_short_scripts

SECONDS = 23.0


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    return find_clips(tmp_path_factory.mktemp("no manifest"))  # the bundled one


def audio(script) -> bytes:  # type: ignore[no-untyped-def]  # a Script
    return b"".join(step.audio for step in script.steps)


def test_the_same_arguments_give_the_same_scripts_and_another_seed_others(clips: list[np.ndarray]) -> None:
    once, again = (write_scripts(clips, 4, SECONDS, seed=3) for _ in range(2))
    assert once == again
    other = write_scripts(clips, 4, SECONDS, seed=4)
    assert all(audio(mine) != audio(theirs) for mine, theirs in zip(once, other, strict=True))
    assert write_scripts(clips, 2, SECONDS, seed=3) == once[:2]  # more streams change none of the others


def test_streams_take_turns_at_the_manners_and_last_as_long_as_asked(clips: list[np.ndarray]) -> None:
    scripts = write_scripts(clips, 5, SECONDS, seed=1)
    assert [script.name for script in scripts] == ["0 pcm", "1 flac", "2 8 kHz", "3 flushed", "4 pcm"]
    for script in scripts:
        assert script.ends_s == pytest.approx(SECONDS)
        due = [step.due_s for step in script.steps]
        assert due == sorted(due)
        assert script.marks == ["mark 5", "mark 10", "mark 15", "mark 20"]
    rates = [script.config.sample_rate_hz for script in scripts]
    assert rates == [16_000, 0, 8_000, 16_000, 16_000]
    assert [sum(step.flush for step in script.steps) for script in scripts] == [0, 0, 0, 2, 0]
    assert len({script.name.partition(" ")[2] for script in scripts}) == len(MANNERS)


def test_all_audio_is_there_whatever_the_format(clips: list[np.ndarray]) -> None:
    plain, flac, telephone, _ = write_scripts(clips, 4, SECONDS, seed=1)
    assert len(audio(plain)) == 2 * SECONDS * SAMPLE_RATE_HZ
    assert len(audio(telephone)) == 2 * SECONDS * 8_000
    samples, rate_hz = soundfile.read(io.BytesIO(audio(flac)), dtype="int16")
    assert (len(samples), rate_hz) == (SECONDS * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ)
    assert flac.config.encoding == config_pb2.AUDIO_ENCODING_FLAC
    for script in (plain, telephone):
        assert all(len(step.audio) % 2 == 0 for step in script.steps)  # whole samples


def test_short_streams_follow_one_another(clips: list[np.ndarray]) -> None:
    scripts = write_short_scripts(clips, 2, 40.0, seed=1)
    assert [(script.begins_s, script.ends_s) for script in scripts] == 2 * [(0, 12), (12, 24), (24, 36)]
    assert [script.name for script in scripts][:4] == [
        "short 0.0 pcm",
        "short 0.1 flac",
        "short 0.2 8 kHz",
        "short 1.0 flac",
    ]
    assert len({audio(script) for script in scripts}) == 6
    assert write_short_scripts(clips, 0, 40.0, seed=1) == []


def test_recordings_of_a_manifest_are_taken_where_there_is_one(tmp_path: Path) -> None:
    samples = np.full(3 * SAMPLE_RATE_HZ, 77, np.int16)
    soundfile.write(tmp_path / "a.flac", samples, SAMPLE_RATE_HZ)
    (tmp_path / "manifest.tsv").write_text("split\tsource\tpath\tseconds\ttext\ndev\tx\ta.flac\t3.0\thm\n")
    (clip,) = find_clips(tmp_path)
    assert np.array_equal(clip, samples)
