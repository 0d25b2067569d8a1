"""What is recognized: manifests, sentences, names, sounds, models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from amira_decoder.model import TransducerFolder
from amira_encoder.options import EncoderOptions
from amira_encoder.table_loader import load_slot_table
from evaluation.items import ManifestError, first_of_each_source, read_manifest, trained_on
from evaluation.models import NoModelError, in_other_chunks, model_folder
from evaluation.normalise import words_of
from evaluation.parts.hotwords import contains
from evaluation.recognizer import checksums
from evaluation.sounds import KINDS, LEVELS_DBFS, make_sounds
from evaluation.synthesis import named_sentences, sentences, speak

HEAD = "split\tsource\tpath\tseconds\tspeaker\ttext\n"


def write_manifest(folder: Path, rows: str, head: str = HEAD) -> Path:
    (folder / "manifest.tsv").write_text(head + rows)
    (folder / "a.flac").touch()
    (folder / "b.flac").touch()
    return folder


def test_a_manifest_is_read_as_it_stands(tmp_path: Path) -> None:
    rows = (
        'dev\tbooks\ta.flac\t1.5\tx\t"tis said\n'
        "train\tbooks\tz.flac\t1\tx\tno\n"
        "dev\tnews\tb.flac\t2\ty\tyes\n"
    )
    items = read_manifest(write_manifest(tmp_path, rows))
    assert [(item.name, item.source, item.text, item.seconds) for item in items] == [
        ("a.flac", "books", '"tis said', 1.5),
        ("b.flac", "news", "yes", 2.0),
    ]
    assert items[0].audio == tmp_path / "a.flac"
    assert [item.name for item in first_of_each_source([*items, *items], 1)] == ["a.flac", "b.flac"]


def test_recordings_that_were_trained_on_are_known_again(tmp_path: Path) -> None:
    rows = (
        "dev\tbooks\ta.flac\t1.50\tx\tit was said\n"
        "dev\tbooks\tb.flac\t2.5\tx\tit was said\n"
        "train\tother books\t7.opus\t1.5\tunknown\tit was said\n"
    )
    folder = write_manifest(tmp_path, rows)
    assert [item.name for item in trained_on(folder, read_manifest(folder))] == ["a.flac"]

    broken = write_manifest(tmp_path, rows + "train\tbooks\t8.opus\tlong\tx\tno\n")
    with pytest.raises(ManifestError, match="'long' is no number of seconds"):
        trained_on(broken, read_manifest(broken))


@pytest.mark.parametrize(
    ("rows", "head", "problem"),
    [
        ("", HEAD, "nothing in the split 'dev'"),
        ("", "", "lacks the column split"),
        ("dev\tx\ta.flac\n", "split\tsource\tpath\n", "lacks the column seconds, text"),
        ("dev\tbooks\tc.flac\t1\tx\tno\n", HEAD, "names c.flac, which is not there"),
        ("dev\tbooks\ta.flac\tlong\tx\tno\n", HEAD, "'long' is no number of seconds"),
        ("dev\tbooks\ta.flac\n", HEAD, "None is no number of seconds"),
    ],
)
def test_a_bad_manifest_is_named(tmp_path: Path, rows: str, head: str, problem: str) -> None:
    with pytest.raises(ManifestError, match=problem):
        read_manifest(write_manifest(tmp_path, rows, head))
    with pytest.raises(ManifestError, match="there is no"):
        read_manifest(tmp_path / "nowhere")


def test_the_sentences_are_sixty_and_written_in_words() -> None:
    texts = sentences()
    assert len({" ".join(words_of(text)) for text in texts}) == 60
    assert not any(character.isdigit() for text in texts for character in text)
    assert all(8 <= len(words_of(text)) <= 18 for text in texts)


def test_every_name_is_in_its_own_sentence_only() -> None:
    pairs = named_sentences()
    assert len({pair.name for pair in pairs}) == len({pair.sentence for pair in pairs}) == 50
    for pair in pairs:
        said_in = [text for text in [p.sentence for p in pairs] + sentences() if contains(text, pair.name)]
        assert said_in == [pair.sentence]


def test_a_phrase_is_found_as_whole_words() -> None:
    assert contains("We saw Ann, Lee and Jo", "ann lee")
    assert not contains("we saw annalee", "ann")
    assert not contains("ann and lee", "ann lee")
    assert not contains("", "ann")


def test_the_sounds_are_ten_minutes_at_all_levels_and_the_same_every_time() -> None:
    seconds = 0.5
    first, again = list(make_sounds(seconds)), list(make_sounds(seconds))
    assert [item.name for item in first] == [item.name for item in again]
    assert len({item.name for item in first}) == len(KINDS) * len(LEVELS_DBFS) == 40
    distinct = set()
    for item, twin in zip(first, again, strict=True):
        assert isinstance(item.audio, np.ndarray)
        assert isinstance(twin.audio, np.ndarray)
        assert np.array_equal(item.audio, twin.audio)
        assert len(item.audio) == seconds * item.sample_rate_hz
        peak, level_dbfs = np.abs(item.audio.astype(int)).max(), float(item.name.split()[-2])
        if item.source == "digital zero":
            assert peak == 0
        elif item.source == "silence":
            assert peak <= 32767 * 10 ** (-36 / 20) + 1
        else:
            assert peak == pytest.approx(32767 * 10 ** (level_dbfs / 20), abs=1)
            distinct.add(item.audio.tobytes())
    assert len(distinct) == 8 * len(LEVELS_DBFS)


def test_colours_of_noise() -> None:
    """White is flat, pink falls by 3 dB an octave, brown by 6."""
    loudest = {item.source: item.audio for item in make_sounds(4.0) if item.name.endswith("-4 dB")}
    for kind, per_octave_db in (("white noise", 0), ("pink noise", -3), ("brown noise", -6)):
        power = np.abs(np.fft.rfft(np.asarray(loudest[kind], np.float64))) ** 2
        octave = 10 * np.log10(power[2000:4000].mean() / power[1000:2000].mean())
        assert octave == pytest.approx(per_octave_db, abs=0.7)


def test_speech_is_the_same_every_time() -> None:
    pytest.importorskip("hibari", reason="the speech synthesizer is not installed")
    first, again = (speak(["A quick test.", "Another one."], "tests") for _ in range(2))
    assert [item.name for item in first] == ["tests 1", "tests 2"]
    for item, twin in zip(first, again, strict=True):
        assert isinstance(item.audio, np.ndarray)
        assert isinstance(twin.audio, np.ndarray)
        assert np.array_equal(item.audio, twin.audio)
        assert 0.4 < item.seconds < 3
        assert np.abs(item.audio).max() > 1000


def test_an_encoder_in_a_folder_is_a_model_too(model_dir: Path, tmp_path: Path) -> None:
    for file in model_dir.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "encoder.onnx").rename(tmp_path / "encoder-160ms.onnx")
    (tmp_path / "encoder-640ms.onnx").write_bytes(b"another")
    with model_folder(tmp_path / "encoder-640ms.onnx") as (folder, name):
        assert name == f"{tmp_path.name}/encoder-640ms"
        assert folder.name == tmp_path.name
        assert (folder / "encoder.onnx").read_bytes() == b"another"
        assert sorted(file.name for file in folder.glob("encoder*")) == ["encoder.onnx"]
        assert (folder / "tokens.txt").read_text() == (model_dir / "tokens.txt").read_text()
        assert "encoder-640ms.onnx" in checksums(folder)
    assert not folder.exists()
    with model_folder(model_dir) as (folder, name):
        assert (folder, name) == (model_dir, model_dir.name)


def test_the_bundled_model_in_other_chunks(model_dir: Path) -> None:
    with in_other_chunks(model_dir, 160) as (folder, name):
        assert name == f"{model_dir.name}/160ms"
        assert TransducerFolder.open(folder).vocab_size == TransducerFolder.open(model_dir).vocab_size
        assert load_slot_table(EncoderOptions(folder, slots=2)).geometry.chunk_frames == 16
    assert not folder.exists()


def test_chunks_that_cannot_be(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(NoModelError, match="multiple of 40"), in_other_chunks(model_dir, 100):
        pass
    with pytest.raises(NoModelError, match="no encoder of this recipe"), in_other_chunks(tmp_path, 160):
        pass


@pytest.mark.parametrize("path", ["nowhere", "joiner.onnx", "tokens.txt"])
def test_what_is_no_model_is_refused(model_dir: Path, path: str) -> None:
    with pytest.raises(NoModelError, match="neither"), model_folder(model_dir / path):
        pass
