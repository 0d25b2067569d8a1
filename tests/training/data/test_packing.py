"""Recordings of any kind end up in one file; what cannot be used is counted and said."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from amira_training.data.audio import read_audio
from amira_training.data.manifest import Entry
from amira_training.data.packed_set import PackedSet, PackWriter
from amira_training.data.packing import pack
from amira_training.errors import DataError


def tone(
    rate_hz: int, seconds: float, channels: int = 1
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    time_s = np.arange(int(rate_hz * seconds)) / rate_hz
    one = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    return np.stack([one * (channel + 1) / channels for channel in range(channels)], 1)


def entry(path: Path, text: str = "hello") -> Entry:
    return Entry("train", "ours", path, text)


def test_every_rate_and_channel_count_becomes_16_khz_mono(tmp_path: Path) -> None:
    entries = []
    for number, (rate_hz, channels, suffix) in enumerate(
        [(8000, 1, "wav"), (44100, 2, "flac"), (16000, 1, "ogg"), (48000, 6, "wav")]
    ):
        path = tmp_path / f"{number}.{suffix}"
        soundfile.write(path, tone(rate_hz, 1.5, channels), rate_hz)
        entries.append(entry(path))
    report = pack(entries, tmp_path, "train", shortest_s=1, longest_s=2)
    packed = PackedSet(tmp_path, "train")
    assert (report.kept, len(packed)) == (4, 4)
    for index in range(4):
        assert packed.recordings[index].seconds == pytest.approx(1.5, abs=0.01)
        middle = packed.audio(index)[8000:16000]
        assert np.argmax(np.abs(np.fft.rfft(middle))) == 220  # 440 Hz over half a second


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "good.wav", tone(16000, 1.5), 16000)
    soundfile.write(tmp_path / "short.wav", tone(16000, 0.2), 16000)
    soundfile.write(tmp_path / "empty.wav", tone(16000, 0), 16000)
    soundfile.write(tmp_path / "nan.wav", np.full(20000, np.nan, np.float32), 16000, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("this is no audio")
    (tmp_path / "folder.wav").mkdir()
    names = ["absent.wav", "short.wav", "good.wav", "empty.wav", "nan.wav", "text.wav", "folder.wav"]
    entries = [entry(tmp_path / name) for name in names] + [entry(tmp_path / "good.wav", "number 5")]
    seen: list[int] = []
    report = pack(
        entries, tmp_path, "train", shortest_s=1, longest_s=2, after_each=lambda r: seen.append(r.kept)
    )
    assert report.kept == 1
    assert seen == [0, 0, 1, 1, 1, 1, 1, 1]
    assert report.skipped.total() == 7
    told = "\n".join(report.lines())
    for reason in ("no such file", "shorter than 1 s", "no samples", "not finite", "not readable", "digits"):
        assert reason in told
    assert [recording.origin for recording in PackedSet(tmp_path, "train").recordings] == [
        str(tmp_path / "good.wav")
    ]


def test_nothing_usable_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    with PackWriter(tmp_path, "train") as writer:
        writer.add(np.zeros(10, np.float32), source="old", text="old", origin="-")
    with pytest.raises(DataError, match="left out 1: no such file"):
        pack([entry(tmp_path / "absent.wav")], tmp_path, "train", shortest_s=1, longest_s=2)
    assert PackedSet(tmp_path, "train").recordings[0].source == "old"
    with pytest.raises(DataError, match="it has no entries"):
        pack([], tmp_path, "dev", shortest_s=1, longest_s=2)


def test_samples_survive_packing_and_pickling(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    recordings = [rng.uniform(-1.2, 1.2, n).astype(np.float32) for n in (1, 5000, 333)]
    with PackWriter(tmp_path, "train") as writer:
        for number, samples in enumerate(recordings):
            writer.add(samples, source="s", text=f"text {number}", origin="o")
    packed = PackedSet(tmp_path, "train")
    again = pickle.loads(pickle.dumps(packed))  # noqa: S301 - just made
    for index, samples in enumerate(recordings):
        np.testing.assert_allclose(packed.audio(index), np.clip(samples, -1, 1), atol=1e-4)
        np.testing.assert_array_equal(packed.audio(index), again.audio(index))
    assert packed.recordings[2].text == "text 2"


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with PackWriter(tmp_path, "train") as writer:
            writer.add(np.zeros(10, np.float32), source="s", text="t", origin="o")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_fields_that_would_break_the_index_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="tabs"), PackWriter(tmp_path, "train") as writer:
        writer.add(np.zeros(10, np.float32), source="s", text="t", origin="a\tb")


def test_damaged_sets_are_refused(tmp_path: Path) -> None:
    with PackWriter(tmp_path, "train") as writer:
        writer.add(np.zeros(10, np.float32), source="s", text="t", origin="o")
    (tmp_path / "train.pcm").write_bytes(b"12")
    with pytest.raises(DataError, match="prepare the set again"):
        PackedSet(tmp_path, "train")
    (tmp_path / "train.tsv").write_text("only\ttwo\n")
    with pytest.raises(DataError, match="cannot read the index"):
        PackedSet(tmp_path, "train")
    with pytest.raises(DataError, match="cannot read the index"):
        PackedSet(tmp_path, "absent")


def test_read_audio_of_random_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for suffix, head in (("wav", b"RIFF"), ("flac", b"fLaC"), ("ogg", b"OggS")):
        path = tmp_path / f"x.{suffix}"
        path.write_bytes(head + rng.bytes(500))
        with pytest.raises(DataError):
            read_audio(path)
