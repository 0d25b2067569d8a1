"""Log files on disks that are full, gone or never were."""

from __future__ import annotations

from pathlib import Path

import pytest

from amira_local.log_files import LogFiles
from amira_local.options import StackOptions
from amira_local.stack import LocalStack, StackError


def test_lines_are_kept_by_service_and_files_begun_anew(tmp_path: Path) -> None:
    for text in ("first", "second"):
        files = LogFiles(tmp_path / "logs")
        files.prepare()
        assert files.write("gateway", f"{text} ä") is None
        assert files.write("decoder", "other") is None
        files.close()
    assert (tmp_path / "logs" / "gateway.log").read_text() == "second ä\n"


def test_without_a_folder_nothing_is_kept() -> None:
    files = LogFiles(None)
    files.prepare()
    assert files.write("gateway", "line") is None
    files.close()


def test_a_full_disk_is_told_once_and_costs_lines_only(tmp_path: Path) -> None:
    (tmp_path / "gateway.log").symlink_to("/dev/full")
    files = LogFiles(tmp_path)
    files.prepare()
    problems = [files.write("gateway", "line") for _ in range(1000)]
    assert "No space left on device" in (problems[0] or "")
    assert set(problems[1:]) == {None}
    assert files.write("decoder", "line") is None
    files.close()
    assert (tmp_path / "decoder.log").read_text() == "line\n"


def test_a_folder_that_goes_away_is_survived(tmp_path: Path) -> None:
    files = LogFiles(tmp_path / "logs")
    files.prepare()
    (tmp_path / "logs").rmdir()
    assert "gateway.log misses lines" in (files.write("gateway", "line") or "")
    (tmp_path / "logs").mkdir()
    assert files.write("gateway", "back") is None
    files.close()


async def test_a_folder_that_cannot_be_is_named_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    options = StackOptions(ephemeral_ports=True, encoder="in_process", log_dir=tmp_path / "file" / "logs")
    with pytest.raises(StackError, match="Cannot write log files"):
        await LocalStack(options).start()
