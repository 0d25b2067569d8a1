"""Files that grow: whole after every write, whole again after a crash, whatever the disk does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amira.asr.v1.result_pb2 import StreamingResult
from amira_local.captions.caption_file import CaptionFile, open_caption_file
from amira_local.captions.errors import CaptionFileError
from amira_local.captions.growing_file import GrowingFile

SRT_CUE = r"\d+\n\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}\n(?:.+\n)+\n"
VTT_CUE = SRT_CUE.removeprefix(r"\d+\n").replace(",", r"\.")
WHOLE: dict[str, Callable[[str], object]] = {
    ".srt": lambda content: re.fullmatch(f"(?:{SRT_CUE}\n*)*", content),
    ".vtt": lambda content: re.fullmatch(f"WEBVTT\n\n(?:{VTT_CUE}\n*)*", content),
    ".txt": lambda content: not content or content.endswith("\n"),
    ".json": lambda content: isinstance(json.loads(content)["segments"], list),
}


def said(text: str, start_s: float, *, final: bool = True) -> StreamingResult:
    """A result whose words take a quarter of a second each."""
    result = StreamingResult(is_final=final)
    result.segment_start.FromMilliseconds(round(1000 * start_s))
    reading = result.alternatives.add(text=text)
    for place, word in enumerate(text.split()):
        added = reading.words.add(text=word)
        added.start.FromMilliseconds(round(1000 * start_s) + 250 * place)
        added.end.FromMilliseconds(round(1000 * start_s) + 250 * (place + 1))
    result.audio_processed.FromMilliseconds(round(1000 * start_s) + 250 * len(text.split()) + 500)
    return result


def fill(file: CaptionFile) -> None:
    file.add(said("he was not", 0))
    file.add(said("an ill disposed young man", 2))
    file.close()


def test_finals_become_cues(tmp_path: Path) -> None:
    fill(open_caption_file(tmp_path / "live.srt"))
    assert (tmp_path / "live.srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:01,000\nhe was not\n\n"
        "2\n00:00:02,000 --> 00:00:03,250\nan ill disposed young man\n\n"
    )
    fill(open_caption_file(tmp_path / "live.VTT"))
    assert (tmp_path / "live.VTT").read_text() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nhe was not\n\n"
        "00:00:02.000 --> 00:00:03.250\nan ill disposed young man\n\n"
    )
    fill(open_caption_file(tmp_path / "live.txt"))
    assert (tmp_path / "live.txt").read_text() == "he was not\nan ill disposed young man\n"
    fill(open_caption_file(tmp_path / "live.json"))
    segments = json.loads((tmp_path / "live.json").read_text())["segments"]
    assert [segment["text"] for segment in segments] == ["he was not", "an ill disposed young man"]
    assert segments[1]["words"][1] == {"text": "ill", "start_s": 2.25, "end_s": 2.5}


@pytest.mark.parametrize("suffix", list(WHOLE))
@settings(max_examples=20)
@given(data=st.data())
def test_every_write_leaves_a_whole_file_that_says_all(
    suffix: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("live") / f"live{suffix}"
    file, finals, now_s = open_caption_file(path, partial=True), list[str](), 0.0
    texts = st.lists(st.sampled_from(["he", "was", "ill", "<unk>", "-->", "ätsch"]), max_size=30).map(
        " ".join
    )
    for text, is_final in data.draw(st.lists(st.tuples(texts, st.booleans()), max_size=12)):
        if is_final:
            file.add(said(text, now_s))
            finals.append(text)
            now_s += 10
        else:
            file.show(said(text, now_s, final=False))
        content = path.read_text()
        assert WHOLE[suffix](content), content
    file.close()
    words = path.read_text().replace("&lt;", "<").replace("&gt;", ">")
    if suffix == ".json":
        words = " ".join(s["text"] for s in json.loads(words)["segments"] if s.get("is_final", True))
    settled = " ".join(finals).split()
    assert [word for word in words.split() if word in set(settled)][
        : len(settled)
    ] == settled or "-->" in settled


def test_the_open_segment_is_the_last_cue_until_it_is_final(tmp_path: Path) -> None:
    path = tmp_path / "live.srt"
    file = open_caption_file(path, partial=True)
    file.add(said("he was not", 0))
    file.show(said("an ill disposed old man and", 2, final=False))
    assert path.read_text().count("-->") == 2
    file.show(said("an ill", 2, final=False))
    file.add(said("an ill", 2))
    assert path.read_text().endswith("2\n00:00:02,000 --> 00:00:03,000\nan ill\n\n")
    plain = open_caption_file(tmp_path / "plain.srt")
    plain.show(said("nobody sees this", 0, final=False))
    assert (tmp_path / "plain.srt").read_text() == ""
    file.close()
    plain.close()


def test_a_file_that_is_there_is_only_gone_on_with_if_asked_to(tmp_path: Path) -> None:
    for name in ("live.srt", "live.vtt", "live.txt"):
        path = tmp_path / name
        fill(open_caption_file(path))
        with pytest.raises(CaptionFileError, match="--append"):
            open_caption_file(path)
        before = path.read_text()
        fill(open_caption_file(path, append=True))
        assert path.read_text().startswith(before)
    srt = (tmp_path / "live.srt").read_text()
    assert "3\n00:00:03,250 --> 00:00:04,250\nhe was not\n\n4\n00:00:05,250 --> " in srt
    fill(open_caption_file(tmp_path / "new.srt", append=True))
    for name in ("unused.json", "unused.vtt"):
        open_caption_file(tmp_path / name).close()
        open_caption_file(tmp_path / name).close()
    fill(open_caption_file(tmp_path / "live.json"))
    with pytest.raises(CaptionFileError, match="not gone on with"):
        open_caption_file(tmp_path / "live.json", append=True)


@pytest.mark.parametrize("cut", range(1, 102, 2))
def test_a_cue_that_a_crash_has_broken_is_dropped_and_all_others_kept(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "live.srt"
    fill(open_caption_file(path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    fill(open_caption_file(path, append=True))
    content = path.read_text()
    assert WHOLE[".srt"](content), content
    second = whole.index(b"2\n00:")
    if len(whole) - cut >= second - 1:
        assert content.startswith("1\n00:00:00,000 --> 00:00:01,000\nhe was not\n\n")
    numbers = re.findall(r"^(\d+)\n\d\d:", content, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("content", ["a letter\n", "1\r\n00:00:00,000 --> 00:00:01,000\r\nhe was\r\n\r\n"])
def test_what_is_no_file_of_ours_is_not_touched(tmp_path: Path, content: str) -> None:
    path = tmp_path / "letter.srt"
    path.write_text(content, newline="")
    with pytest.raises(CaptionFileError, match="no SRT file"):
        open_caption_file(path, append=True)
    assert path.read_bytes() == content.encode()


def test_one_that_ends_as_other_programs_do_keeps_its_last_cue(tmp_path: Path) -> None:
    path = tmp_path / "edited.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nhe was\n")
    fill(open_caption_file(path, append=True))
    assert path.read_text().startswith("1\n00:00:00,000 --> 00:00:01,000\nhe was\n\n2\n00:00:01,000 --> ")


def test_names_and_places_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(CaptionFileError, match=r"\.srt, \.vtt, \.txt, \.json"):
        open_caption_file(tmp_path / "live.doc")
    with pytest.raises(CaptionFileError, match="cannot be written: No such file"):
        open_caption_file(tmp_path / "gone" / "live.srt")
    (tmp_path / "folder.srt").mkdir()
    with pytest.raises(CaptionFileError, match="cannot be written: Is a directory"):
        open_caption_file(tmp_path / "folder.srt")
    with_two = open_caption_file(tmp_path / "live.srt")
    with pytest.raises(CaptionFileError, match="another program"):
        open_caption_file(tmp_path / "live.srt")
    with_two.close()


_WRITER = """
    import resource, signal, sys
    from pathlib import Path
    from tests.local.captions.test_caption_file import said
    from amira_local.captions.caption_file import open_caption_file
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    file = open_caption_file(Path(sys.argv[1]), partial=True)
"""


def writer(body: str, path: Path) -> subprocess.Popen[str]:
    code = textwrap.dedent(_WRITER) + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)


def read_until_its_writer_is_killed(path: Path, *, segments: int) -> Iterator[str]:
    """What the file holds while another process writes it as fast as it can, and once that is killed."""
    process = writer(
        """
        for number in range(10**9):
            file.show(said("word " * (number % 37), number, final=False))
            file.add(said(f"number {number} " + "word " * (number % 23), number))
            print(number, flush=True)
        """,
        path,
    )
    try:
        assert process.stdout is not None
        for _ in range(segments):
            process.stdout.readline()
            yield path.read_text()
    finally:
        process.kill()
        process.communicate()
    yield path.read_text()


def test_json_is_whole_whenever_it_is_read_and_its_writer_is_killed(tmp_path: Path) -> None:
    content = ""
    for content in read_until_its_writer_is_killed(tmp_path / "live.json", segments=40):
        assert WHOLE[".json"](content)
    assert "number 39 " in content


def test_subtitles_miss_at_most_what_was_being_written_and_are_mended(tmp_path: Path) -> None:
    path = tmp_path / "live.srt"
    before = ""
    for number, content in enumerate(read_until_its_writer_is_killed(path, segments=20)):
        assert content.startswith(before), "what was settled has changed"
        if 0 < number < 20:
            before = content[: content.rindex("\n\n", 0, content.index(f"number {number} ")) + 2]
            assert WHOLE[".srt"](before), content
    fill(open_caption_file(path, append=True))
    mended = path.read_text()
    assert WHOLE[".srt"](mended), mended
    assert mended.startswith(before)
    assert mended.count("an ill disposed young man") == 1


@pytest.mark.parametrize("suffix", [".json", ".srt"])
def test_without_room_the_file_stays_whole_and_goes_on_once_there_is_some(
    tmp_path: Path, suffix: str
) -> None:
    """A limit on the file's size stands for a full disk: writes are cut short and then fail."""
    path = tmp_path / f"live{suffix}"
    body = """
        file.add(said("he was not", 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
        failed = 0
        for number in range(1, 13):
            for do, is_final in ((file.show, False), (file.add, True)):
                try:
                    do(said(f"segment {number}", number, final=is_final))
                except OSError as error:
                    failed += 1
                    print(open(sys.argv[1]).read(), end="\\f")
        assert failed, "there was room"
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        file.close()
    """
    process = writer(body, path)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    for content in out.split("\f")[:-1]:
        assert WHOLE[suffix](content), content
    content = path.read_text()
    assert WHOLE[suffix](content)
    assert [f"segment {number}" in content for number in range(1, 13)] == [True] * 12


def test_a_shorter_tail_leaves_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "file"
    file = GrowingFile(path, os.open(path, os.O_RDWR | os.O_CREAT), 0)
    file.write("a", "long tail")
    file.write("b", "t")
    assert path.read_text() == "abt"
    file.close()
    file.close()
