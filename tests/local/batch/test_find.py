"""Arguments into recordings, recordings into file names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from amira_local.batch.find import find
from amira_local.batch.targets import assign
from amira_local.transcripts.formats import Format


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def places(*arguments: Path) -> list[str]:
    return [str(recording.place) for recording in find(arguments).recordings]


def test_folders_are_searched_for_audio_and_the_rest_is_counted(tmp_path: Path) -> None:
    tree(
        tmp_path,
        "b/2.FLAC",
        "b/1.wav",
        "a.mp3",
        "a.txt",
        "b/notes",
        "b/film.mp4",
        ".hidden.wav",
        ".git/x.wav",
    )
    found = find([tmp_path])
    assert [str(recording.place) for recording in found.recordings] == ["a.mp3", "b/1.wav", "b/2.FLAC"]
    assert found.passed_over == {"(no suffix)": 1, ".mp4": 1}
    assert found.troubles == []


def test_each_file_comes_once_and_named_files_come_whatever_their_name(tmp_path: Path) -> None:
    tree(tmp_path, "a.wav", "raw")
    assert places(tmp_path / "a.wav", tmp_path, tmp_path / "." / "a.wav", tmp_path / "raw") == [
        "a.wav",
        "raw",
    ]


def test_patterns_that_no_shell_replaced(tmp_path: Path) -> None:
    tree(tmp_path, "x/1.wav", "x/y/2.wav", "x/y/3.txt", "[z].wav")
    assert places(tmp_path / "x" / "**" / "*.wav") == ["1.wav", "y/2.wav"]
    assert places(tmp_path / "[z].wav") == ["[z].wav"]
    missing = find([tmp_path / "*.ogg"])
    assert missing.troubles == [(tmp_path / "*.ogg", "no file matches this pattern")]


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    tree(tmp_path / "in", "a/1.wav")
    (tmp_path / "in" / "a" / "up").symlink_to(tmp_path / "in")
    tree(tmp_path / "elsewhere", "2.wav")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "broken").symlink_to(tmp_path / "gone")
    assert places(tmp_path / "in") == ["a/1.wav", "linked/2.wav"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_may_not_be_entered_is_told(tmp_path: Path) -> None:
    tree(tmp_path, "secret/1.wav", "2.wav")
    (tmp_path / "secret").chmod(0)
    found = find([tmp_path])
    (tmp_path / "secret").chmod(0o700)
    assert found.troubles == [(tmp_path / "secret", "permission denied")]
    assert [str(recording.place) for recording in found.recordings] == ["2.wav"]


def names(out: Path | None, *arguments: Path) -> list[str]:
    jobs, clashing = assign(find(arguments), [Format.SRT], out)
    assert not clashing
    return [str(job.outputs[Format.SRT]) for job in jobs]


def test_transcripts_lie_beside_the_recordings_or_as_they_lie(tmp_path: Path) -> None:
    top = tree(tmp_path / "calls", "1.wav", "day.2/1.wav")
    assert names(None, top) == [f"{top}/1.srt", f"{top}/day.2/1.srt"]
    assert names(Path("out"), top) == ["out/1.srt", "out/day.2/1.srt"]
    assert names(Path("out"), top / "day.2" / "1.wav") == ["out/1.srt"]
    assert names(Path("out"), tmp_path / "calls" / "*" / "*.wav") == ["out/day.2/1.srt"]
    other = tree(tmp_path / "other", "1.wav")
    assert names(Path("out"), top, other) == ["out/calls/1.srt", "out/calls/day.2/1.srt", "out/other/1.srt"]


def test_recordings_that_differ_in_their_suffix_alone_keep_it(tmp_path: Path) -> None:
    top = tree(tmp_path, "a.wav", "a.flac", "A.mp3", "b.wav")
    assert names(None, top) == [f"{top}/{name}.srt" for name in ("A.mp3", "a.flac", "a.wav", "b")]


def test_of_two_recordings_with_one_name_the_second_gets_none(tmp_path: Path) -> None:
    one, two = tree(tmp_path / "x", "1.wav") / "1.wav", tree(tmp_path / "y", "1.wav") / "1.wav"
    jobs, clashing = assign(find([one, two]), [Format.TXT], Path("out"))
    assert [job.recording.path for job in jobs] == [one]
    assert [recording.path for recording in clashing] == [two]
