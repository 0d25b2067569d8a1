"""Files kept beside a stream: the newest lines, and troubles that do not hold it up."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira.asr.v1.result_pb2 import StreamingResult
from amira_local.captions.caption_file import open_caption_file
from amira_local.captions.errors import CaptionFileError
from amira_local.captions.keeper import Keeper
from amira_local.captions.last_lines import LastLines
from tests.local.captions.test_caption_file import said


def test_the_newest_lines_alone(tmp_path: Path) -> None:
    path = tmp_path / "obs.txt"
    lines = LastLines(path, 2, width=20)
    assert path.read_text() == ""
    lines.show(said("he was", 0, final=False))
    assert path.read_text() == "he was\n"
    lines.add(said("he was not an ill disposed", 0))
    lines.show(said("young man unless to be", 3, final=False))
    assert path.read_text() == "disposed young man\nunless to be\n"
    lines.close()
    assert path.read_text() == ""
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(CaptionFileError, match="cannot be written: No such file"):
        LastLines(tmp_path / "gone" / "obs.txt", 2)


async def test_all_files_get_all_finals(tmp_path: Path) -> None:
    files = [open_caption_file(tmp_path / name) for name in ("a.srt", "b.txt")]
    keeper = Keeper(files, lambda words: pytest.fail(words))
    keeper.start()
    for number in range(50):
        keeper.take(said("not yet", number, final=False))
        keeper.take(said(f"segment {number}", number))
    await keeper.finish()
    assert not keeper.failed
    assert (tmp_path / "b.txt").read_text() == "".join(f"segment {number}\n" for number in range(50))
    assert (tmp_path / "a.srt").read_text().count("-->") == 50


async def test_a_file_that_cannot_be_written_is_told_once_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "obs").mkdir()
    troubles: list[str] = []
    lost, fine = LastLines(tmp_path / "obs" / "obs.txt", 2), open_caption_file(tmp_path / "live.txt")
    (tmp_path / "obs" / "obs.txt").unlink()
    (tmp_path / "obs").rmdir()
    keeper = Keeper([lost, fine], troubles.append)
    keeper.start()
    keeper.take(said("one", 0))
    keeper.take(said("two", 1))
    await keeper.finish()
    assert keeper.failed
    assert troubles == [f"{tmp_path / 'obs' / 'obs.txt'} cannot be written: No such file or directory."]
    assert (tmp_path / "live.txt").read_text() == "one\ntwo\n"


async def test_a_defect_is_not_kept_quiet() -> None:
    class Broken:
        def add(self, final: StreamingResult) -> None:
            raise ValueError("broken")

        def show(self, interim: StreamingResult) -> None: ...

        def close(self) -> None: ...

    keeper = Keeper([Broken()], lambda words: None)
    keeper.start()
    keeper.take(said("one", 0))
    with pytest.raises(ValueError, match="broken"):
        await keeper.finish()
    with pytest.raises(ValueError, match="broken"):
        keeper.take(said("two", 0))
