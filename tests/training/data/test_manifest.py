"""Manifests and LibriSpeech's folders become the same entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira_training.data.librispeech import read_librispeech
from amira_training.data.manifest import Entry, evenly, read_manifest, without_sentences_of
from amira_training.errors import DataError


def write(folder: Path, content: str) -> Path:
    path = folder / "manifest.tsv"
    path.write_text(content, encoding="utf-8")
    return path


def test_all_columns(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "split\tsource\tpath\tseconds\tspeaker\ttext\tlabelled_by\n"
        'dev\tours\ta/b.flac\t3.2\tann\tHi "you"\tmachine\n',
    )
    assert read_manifest(path) == [
        Entry("dev", "ours", tmp_path / "a/b.flac", 'Hi "you"', "ann", "machine"),
    ]


def test_path_and_text_are_enough(tmp_path: Path) -> None:
    (entry,) = read_manifest(write(tmp_path, "\ufefftext\tpath\nhello\tx.wav\n"))
    assert (entry.split, entry.source, entry.text) == ("train", tmp_path.name, "hello")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "no column path and text"),
        ("path\nx.wav\n", "no column text"),
        ("path\ttext\nx.wav\n", "line 2: path or text is missing"),
        ("path\ttext\tsplit\nx.wav\thi\ttest\n", "line 2: split is 'test'"),
    ],
)
def test_bad_manifests_are_explained(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_manifest(write(tmp_path, content))


def test_no_file_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_manifest(tmp_path / "absent.tsv")
    (tmp_path / "manifest.tsv").write_bytes(b"path\ttext\nx\t\xff\xfe\n")
    with pytest.raises(DataError, match="not UTF-8"):
        read_manifest(tmp_path / "manifest.tsv")


def test_librispeech(tmp_path: Path) -> None:
    for part in ("train-clean-100", "dev-clean"):
        chapter = tmp_path / "LibriSpeech" / part / "19" / "198"
        chapter.mkdir(parents=True)
        (chapter / "19-198.trans.txt").write_text("19-198-0000 NORTHANGER ABBEY\n19-198-0001 A SECOND ONE\n")
        for number in range(2):
            (chapter / f"19-198-000{number}.flac").touch()
    entries = read_librispeech(tmp_path)
    assert [(e.split, e.source, e.speaker) for e in entries] == [
        ("dev", "librispeech-dev-clean", "19"),
        ("dev", "librispeech-dev-clean", "19"),
        ("train", "librispeech-train-clean-100", "19"),
        ("train", "librispeech-train-clean-100", "19"),
    ]
    assert entries[3].text == "A SECOND ONE"
    (tmp_path / "LibriSpeech/dev-clean/19/198/19-198-0001.flac").unlink()
    with pytest.raises(DataError, match="line 2: no recording 19-198-0001"):
        read_librispeech(tmp_path)


def test_a_folder_without_transcripts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no"):
        read_librispeech(tmp_path)


def test_evenly_takes_from_all_sources_and_does_not_depend_on_order() -> None:
    entries = [Entry("train", "big", Path(f"b{n}"), "x") for n in range(50)]
    entries += [Entry("train", "tiny", Path(f"t{n}"), "x") for n in range(2)]
    some = evenly(entries, 10, seed=3)
    assert len(some) == 10
    assert sum(entry.source == "tiny" for entry in some) == 2
    assert evenly(entries[::-1], 10, seed=3) == some
    assert evenly(entries, 10, seed=4) != some
    assert evenly(entries, 0, seed=3) == entries
    assert len(evenly(entries, 1000, seed=3)) == 52


def test_what_is_held_out_is_not_trained_on_under_another_name() -> None:
    def entry(split: str, path: str, text: str) -> Entry:
        return Entry(split, "books", Path(path), text)

    dev = [entry("dev", "a", "He was  gone before noon."), entry("dev", "b", "yes")]
    train = [
        entry("train", "c", "he was gone before noon"),
        entry("train", "d", "Yes!"),
        entry("train", "e", "he was gone before one"),
        entry("train", "f", "12 o'clock"),
    ]
    assert [kept.path.name for kept in without_sentences_of(dev, train)] == ["d", "e", "f"]
